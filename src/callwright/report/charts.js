// Each function draws one picture of one version, as an element. Texts are only ever set as text.
"use strict";

const Draw = {};

Draw.number = d3.format(",");
Draw.kinds = ["single", "multi_step", "parallel", "clarification", "no_call"];
Draw.colours = d3.schemeObservable10 || d3.schemeTableau10;

// An element; children that are strings become text, never HTML.
Draw.element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

const flat = (table) => Object.entries(table).map(([name, count]) => ({ name, count }));
const share = (part, whole) => (whole ? d3.format(".1%")(part / whole) : "0 %");
const style = { background: "transparent", fontSize: "12px", fontFamily: "inherit" };

const captioned = (caption, drawn) =>
  Draw.element("div", { class: "figure" }, Draw.element("div", { class: "caption" }, caption), drawn);

const none = (text) => Draw.element("p", { class: "soft" }, text);

Draw.facts = (picture) => {
  const fact = (name, value, small) =>
    Draw.element("div", small ? { class: "small" } : {}, Draw.element("dt", {}, name), Draw.element("dd", {}, value));
  const called = picture.tools.filter((tool) => tool.calls).length;
  const calls = d3.sum(picture.tools, (tool) => tool.calls);
  return Draw.element(
    "dl",
    { class: "facts" },
    fact("rows", Draw.number(picture.rows)),
    fact("attempts", Draw.number(picture.attempts)),
    fact("calls", Draw.number(calls)),
    fact("tools called", `${Draw.number(called)} of ${Draw.number(picture.tools.length)}`),
    fact("recovered from a refusal", Draw.number(picture.recovered)),
    ...flat(picture.by_split).map(({ name, count }) => fact(name, Draw.number(count))),
    fact("teacher", picture.teacher || "not told", true),
    picture.student ? fact("student", picture.student, true) : null,
    fact("made at", picture.made_at.replace("T", " ").replace("+00:00", " UTC"), true),
    fact("id", picture.id.slice(0, 12), true),
  );
};

Draw.funnel = (picture, width) => {
  const stages = [{ name: "attempts", left: picture.attempts, reasons: "" }];
  for (const gate of picture.gates) {
    const reasons = flat(gate.dropped).map(({ name, count }) => `${name} ${Draw.number(count)}`);
    stages.push({ name: `after ${gate.name}`, left: gate.left, reasons: reasons.join(", ") });
  }
  stages.push({ name: "rows", left: picture.rows, reasons: "" });
  return Plot.plot({
    width,
    height: 34 * stages.length + 10,
    marginLeft: 125,
    marginRight: 20,
    marginTop: 0,
    marginBottom: 5,
    style,
    x: { axis: null, domain: [0, Math.max(1, picture.attempts)] },
    y: { label: null, domain: stages.map((stage) => stage.name), tickSize: 0, padding: 0.25 },
    marks: [
      Plot.barX(stages, { x: picture.attempts, y: "name", fill: "currentColor", fillOpacity: 0.06 }),
      Plot.barX(stages, { x: "left", y: "name", fill: (stage) => (stage.name === "rows" ? "#2a9d6f" : "#4269d0"), fillOpacity: 0.28 }),
      Plot.text(stages, {
        x: 0, y: "name", textAnchor: "start", dx: 8, fill: "currentColor",
        text: (stage) => `${Draw.number(stage.left)} (${share(stage.left, picture.attempts)})` + (stage.reasons ? `   −  ${stage.reasons}` : ""),
        lineWidth: (width - 170) / 11, textOverflow: "ellipsis", title: "reasons",
      }),
    ],
  });
};

Draw.coverage = (picture) => {
  const most = d3.max(picture.tools, (tool) => d3.max(Object.values(tool.by_kind)) || 0) || 1;
  const strength = d3.scaleSqrt([0, most], [0, 0.85]);
  const head = Draw.element("tr", {}, ...["tool", ...Draw.kinds, "calls", "parameters"].map((name) => Draw.element("th", {}, name)));
  const body = Draw.element("tbody");
  for (const [kit, tools] of d3.group(picture.tools, (tool) => tool.toolkit)) {
    const called = tools.filter((tool) => tool.calls).length;
    const about = `${kit} · ${called} of ${tools.length} tools called`;
    body.append(Draw.element("tr", { class: "kit" }, Draw.element("td", { colspan: Draw.kinds.length + 3 }, about)));
    for (const tool of tools) {
      const cells = Draw.kinds.map((kind) => {
        const rows = tool.by_kind[kind] || 0;
        const shade = rows ? `background: rgba(66, 105, 208, ${(0.08 + strength(rows)).toFixed(2)}); color: ${strength(rows) > 0.55 ? "#fff" : "inherit"}` : "";
        return Draw.element("td", { class: "cell", style: shade, title: `${tool.name}, ${kind}: ${rows} rows` }, rows ? Draw.number(rows) : "");
      });
      const chips = Object.entries(tool.parameters).map(([name, given]) => {
        const part = tool.calls ? given / tool.calls : 0;
        return Draw.element("span", {
          class: `chip${tool.required.includes(name) ? " required" : ""}${given ? "" : " never"}`,
          style: given ? `background: rgba(42, 157, 111, ${(0.1 + 0.5 * part).toFixed(2)})` : "",
          title: `${name}: given in ${given} of ${tool.calls} calls`,
        }, name);
      });
      body.append(Draw.element("tr", {}, Draw.element("td", {}, Draw.element("code", {}, tool.name)), ...cells,
        Draw.element("td", { class: "number" }, Draw.number(tool.calls)), Draw.element("td", {}, ...chips)));
    }
  }
  return Draw.element("div", { class: "scroll" }, Draw.element("table", { class: "heat" }, Draw.element("thead", {}, head), body));
};

Draw.evidence = (picture, width) => {
  const data = Object.entries(picture.evidence).flatMap(([rung, kinds]) => flat(kinds).map(({ name, count }) => ({ rung, kind: name, count })));
  const rungs = Object.keys(picture.evidence);
  return captioned("Rows by the highest rung of evidence that they passed, and kind", Plot.plot({
    width, height: 46 * rungs.length + 76, marginLeft: 70, marginBottom: 42, style,
    x: { label: "rows", grid: true },
    y: { label: null, domain: rungs.slice().reverse() },
    color: { domain: Draw.kinds, range: Draw.colours, legend: true },
    marks: [
      Plot.barX(data, { x: "count", y: "rung", fill: "kind", order: Draw.kinds, tip: true, insetLeft: 0.5, insetRight: 0.5 }),
      Plot.ruleX([0]),
    ],
  }));
};

const bars = (caption, table, width, label) => {
  const data = Object.entries(table).map(([name, count]) => ({ name: +name, count }));
  if (!data.length) return captioned(caption, none("no row has any"));
  return captioned(caption, Plot.plot({
    width, height: 210, marginLeft: 50, marginBottom: 42, style,
    x: { label, type: "band", domain: d3.range(d3.min(data, (one) => one.name), d3.max(data, (one) => one.name) + 1) },
    y: { label: null, grid: true },
    marks: [Plot.barY(data, { x: "name", y: "count", fill: "#4269d0", tip: true }), Plot.ruleY([0])],
  }));
};

const histogram = (caption, table, width, label) => {
  const data = Object.entries(table).map(([name, count]) => ({ length: +name, count }));
  if (!data.length) return captioned(caption, none("no row has any"));
  return captioned(caption, Plot.plot({
    width, height: 210, marginLeft: 50, marginBottom: 42, style,
    x: { label },
    y: { label: null, grid: true },
    marks: [
      Plot.rectY(data, Plot.binX({ y: "sum" }, { x: "length", y: "count", thresholds: 24, fill: "#2a9d6f", tip: true })),
      Plot.ruleY([0]),
    ],
  }));
};

// As many pictures beside each other as have `least` pixels each, and how wide each of them is.
const columns = (width, count, least) => {
  const fit = Math.max(1, Math.min(count, Math.floor(width / least)));
  const put = (...drawn) => Draw.element("div", { class: "figures", style: `grid-template-columns: repeat(${fit}, minmax(0, 1fr))` }, ...drawn);
  return { put, each: width / fit - 32 * (1 - 1 / fit) };
};

Draw.calls = (picture, width) => {
  const { put, each } = columns(width, 3, 250);
  return put(
    bars("Turns by their calls", picture.calls_per_turn, each, "calls in a turn"),
    bars("Rows by their calls", picture.calls_per_row, each, "calls in a row"),
    bars("Rows by their messages", picture.lengths.messages, each, "messages"),
  );
};

Draw.lengths = (picture, width) => {
  const { put, each } = columns(width, 3, 250);
  return put(
    histogram("Words of the request", picture.lengths.request_words, each, "words"),
    histogram("Words of the last answer", picture.lengths.answer_words, each, "words"),
    histogram("Characters of a conversation", picture.lengths.characters, each, "characters"),
  );
};

Draw.map = (picture, width, { colour, opens, domain, extent }) => {
  if (!picture.points.length) return none("no requests");
  const chart = Plot.plot({
    width, height: Math.min(520, width * 0.62), style, inset: 12,
    x: { axis: null, domain: extent.x },
    y: { axis: null, domain: extent.y },
    color: { legend: true, domain, range: domain.map((_, index) => Draw.colours[index % Draw.colours.length]) },
    marks: [
      Plot.frame({ stroke: "var(--line)" }),
      Plot.dot(picture.points, {
        x: "x", y: "y", r: 4, stroke: colour, fill: colour, fillOpacity: (point) => (opens(point.row) ? 0.75 : 0.08),
        channels: { request: "request", toolkit: "toolkit", kind: "kind" },
        tip: { format: { x: false, y: false, stroke: false, fill: false, fillOpacity: false }, lineWidth: 40 },
      }),
    ],
  });
  chart.addEventListener("click", () => {
    const point = chart.value;
    if (point && opens(point.row)) opens(point.row)();
  });
  return chart;
};

Draw.cost = (picture, width) => {
  const spent = Object.entries(picture.spent);
  if (!spent.length) return none("nothing was asked");
  const tokens = spent.filter(([, one]) => one.prompt_tokens + one.completion_tokens).flatMap(([purpose, one]) => [
    { purpose, what: "tokens read", count: one.prompt_tokens },
    { purpose, what: "tokens written", count: one.completion_tokens },
  ]);
  const requests = spent.map(([purpose, one]) => ({ purpose, count: one.requests }));
  const height = (bars) => 26 * bars + 50;
  const { put, each } = columns(width, 2, 420);
  const options = { width: each, marginLeft: 165, marginRight: 50, style, y: { label: null } };
  return put(
    captioned("Requests", Plot.plot({
      ...options, height: height(requests.length), x: { label: null, grid: true },
      marks: [
        Plot.barX(requests, { x: "count", y: "purpose", fill: "#4269d0", sort: { y: "-x" } }),
        Plot.text(requests, { x: "count", y: "purpose", text: (one) => Draw.number(one.count), textAnchor: "start", dx: 4 }),
      ],
    })),
    captioned("Tokens", tokens.length
      ? Plot.plot({
        ...options, height: height(tokens.length / 2), x: { label: null, grid: true, tickFormat: "~s" },
        color: { legend: true, domain: ["tokens read", "tokens written"], range: ["#9bb1e8", "#2a9d6f"] },
        marks: [Plot.barX(tokens, { x: "count", y: "purpose", fill: "what", tip: true, sort: { y: "-x" } })],
      })
      : none("none: the rules that wrote these rows cost nothing")),
  );
};

Draw.history = (history, width) => {
  const why = history.some((one) => Object.keys(one.by_reason).length) ? "by_reason" : "by_kind";
  const data = history.flatMap((one) => flat(one[why]).map(({ name, count }) => ({ version: one.version, what: name, count })));
  return Plot.plot({
    width: Math.min(width, 220 + 90 * history.length), height: 300, marginLeft: 50, style,
    x: { label: null, domain: history.map((one) => one.version), padding: 0.35 },
    y: { label: "rows", grid: true },
    color: { legend: true, range: Draw.colours },
    marks: [Plot.barY(data, { x: "version", y: "count", fill: "what", tip: true, insetTop: 0.5, insetBottom: 0.5 }), Plot.ruleY([0])],
  });
};

Draw.changes = (difference, width) => {
  const drawn = [];
  const { put, each } = columns(width, 2, 420);
  for (const what of ["reason", "kind", "method", "toolkit", "tool"]) {
    const data = ["added", "removed"].flatMap((change) =>
      flat(difference[change][`by_${what}`]).map(({ name, count }) => ({ name, change, count: change === "added" ? count : -count })));
    if (!data.length) continue;
    const names = new Set(data.map((one) => one.name));
    drawn.push(captioned(`Rows that came and went, by ${what}`, Plot.plot({
      width: each, height: 22 * names.size + 64, marginLeft: 150, marginBottom: 42, style,
      x: { label: "← went · came →", grid: true, tickFormat: (count) => Draw.number(Math.abs(count)) },
      y: { label: null },
      color: { domain: ["added", "removed"], range: ["#2a9d6f", "#d0583f"] },
      marks: [Plot.barX(data, { x: "count", y: "name", fill: "change", tip: true }), Plot.ruleX([0])],
    })));
  }
  return drawn.length ? put(...drawn) : none("the rows are the same");
};
