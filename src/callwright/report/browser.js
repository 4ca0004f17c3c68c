// The list of conversations with its filters, and the one that is open.
"use strict";

const Browser = {};

Browser.start = (report, state) => {
  const { element } = Draw;
  const byId = new Map(report.conversations.map((one) => [one.id, one]));
  const versions = report.pictures.map((picture) => picture.version);
  const change = (row) => {
    if (versions.length < 2) return "";
    const names = row.places.map((place) => place.version);
    if (names.length > 1) return "kept";
    return names[0] === versions[0] ? "added" : "removed";
  };
  const masked = (row) => row.messages.some((message) => !message.train || message.parts.some((part) => part.label));
  const filters = [
    { name: "kind", of: (row) => [row.kind] },
    { name: "tool", of: (row) => row.called },
    { name: "method", of: (row) => [row.method] },
    { name: "reason", of: (row) => row.places.map((place) => place.reason).filter(Boolean) },
    { name: "evidence", of: (row) => [row.evidence] },
    { name: "change", of: (row) => [change(row)].filter(Boolean) },
    { name: "marks", of: (row) => (masked(row) ? ["masked spans"] : []) },
  ];
  const panel = document.getElementById("filters");
  for (const filter of filters) {
    const values = [...new Set(report.conversations.flatMap(filter.of))].sort();
    if (!values.length) continue;
    filter.select = element("select", { id: `filter-${filter.name}` }, element("option", { value: "" }, "all"),
      ...values.map((value) => element("option", { value }, value)));
    filter.select.addEventListener("change", () => Browser.list());
    panel.append(element("label", {}, `${filter.name} `, filter.select));
  }
  const words = element("input", { type: "search", placeholder: "words in the request", id: "filter-words" });
  words.addEventListener("input", () => Browser.list());
  panel.append(words);

  const wanted = (row) =>
    (state.shown === "both" || row.places.some((place) => place.version === versions[state.shown])) &&
    filters.every((filter) => !filter.select || !filter.select.value || filter.of(row).includes(filter.select.value)) &&
    row.request.toLowerCase().includes(words.value.toLowerCase());

  Browser.list = () => {
    const found = report.conversations.filter(wanted);
    document.getElementById("count").textContent = `${Draw.number(found.length)} shown`;
    document.getElementById("list").replaceChildren(...found.map((row) => {
      const button = element("button", { type: "button", "data-row": row.id, "aria-current": row.id === state.open ? "true" : false },
        element("div", {}, row.request || "(no words)"),
        element("small", {}, [row.kind, row.method, row.toolkit, ...new Set(row.places.map((place) => place.reason).filter(Boolean))].join(" · ")));
      button.addEventListener("click", () => Browser.open(row.id));
      return element("li", {}, button);
    }));
    if (!found.some((row) => row.id === state.open)) Browser.open(found.length ? found[0].id : null);
  };

  Browser.has = (id) => byId.has(id);
  Browser.open = (id, scroll = false) => {
    state.open = id;
    for (const button of document.querySelectorAll("#list button")) {
      if (button.dataset.row === id) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    const place = document.getElementById("conversation");
    place.replaceChildren(id ? shown(byId.get(id)) : element("p", { class: "soft" }, "no conversation fits these filters"));
    if (scroll) document.getElementById("rows").scrollIntoView();
  };

  const link = (id) => {
    if (!Browser.has(id)) return element("code", {}, id);
    const made = element("a", { href: "#rows" }, element("code", {}, id));
    made.addEventListener("click", () => Browser.open(id));
    return made;
  };

  const said = (message) => {
    const parts = message.parts.map((part) => part.label
      ? element("mark", { title: part.label === "error" ? "masked: gives no loss" : part.label }, part.text, element("small", {}, part.label))
      : part.text);
    const notes = [];
    if (message.role === "tool") {
      notes.push(message.name, String(message.status), message.trust);
      if (message.cut) notes.push("cut to size");
    }
    if (!message.train) notes.push("not trained on");
    if (message.weight !== 1) notes.push(`weight ${message.weight}`);
    const classes = ["message", message.role];
    if (message.status >= 300) classes.push("failed");
    if (!message.train) classes.push("untrained");
    return element("div", { class: classes.join(" ") },
      element("div", { class: "who" }, [message.role, ...notes].join(" · ")),
      message.reasoning ? element("div", { class: "soft" }, message.reasoning) : null,
      parts.length ? element("div", { class: "said" }, ...parts) : null,
      ...message.calls.map((call) => element("div", { class: "call" }, element("b", {}, call.name), ` ${call.arguments}`)));
  };

  const table = (head, rows) =>
    element("table", { class: "plain" },
      head.length ? element("thead", {}, element("tr", {}, ...head.map((one) => element("th", {}, one)))) : null,
      element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))))));

  const verdicts = (row) => table(["rung", "judge", "outcome", "reason"], row.verdicts.map((one) => [
    one.rung, one.judge, element("span", { class: `verdict ${one.outcome}` }, one.outcome),
    [one.code, one.message, one.step === null ? "" : `message ${one.step}`].filter(Boolean).join(" · "),
  ]));

  const lineage = (row) => {
    const from = row.lineage;
    const kit = report.pictures.flatMap((picture) => picture.sources).find((source) => source.name === row.toolkit);
    const rows = [["row", element("code", {}, row.id)], ["task", element("code", {}, from.task)]];
    if (from.root !== from.task) rows.push(["root task", element("code", {}, from.root)]);
    if (from.source) rows.push(["made of row", link(from.source)]);
    rows.push(["toolkit", kit ? [kit.title || kit.name, kit.origin, kit.licence || "no licence stated", kit.teacher ? `invented by ${kit.teacher}` : ""].filter(Boolean).join(" · ") : row.toolkit]);
    rows.push(["teacher", `${from.teacher}, ${from.ledger} model calls`]);
    rows.push(["attempt", `${row.method} ${from.attempt}, seed ${from.seed}, clock ${from.clock}`]);
    rows.push(["prompts", Object.entries(from.prompts).map(([name, digest]) => `${name} ${digest}`).join(", ") || "none"]);
    if (row.withheld) rows.push(["withheld", element("code", {}, row.withheld)]);
    if (from.hidden) rows.push(["not said at first", element("pre", {}, from.hidden)]);
    for (const note of from.notes) rows.push([`note: ${note.label}`, element("pre", {}, `message ${note.step} ${note.body}`)]);
    return table([], rows);
  };

  const documents = (row) => row.offered.map((id) => {
    const tool = report.tools[id];
    return element("details", {}, element("summary", {}, element("code", {}, tool.name), row.called.includes(tool.name) ? " · called" : ""),
      element("p", {}, tool.description), element("pre", {}, tool.parameters));
  });

  const shown = (row) => {
    const what = change(row);
    const tags = [row.kind, row.method, row.toolkit, `evidence ${row.evidence}`,
      ...row.places.map((place) => [place.version, place.split, place.reason].filter(Boolean).join(" "))];
    return element("div", {},
      element("div", {}, ...tags.map((tag) => element("span", { class: "tag" }, tag)), what ? element("span", { class: `tag ${what}` }, what) : null),
      ...row.messages.map(said),
      element("h3", {}, "Where the values come from"),
      row.nodes.some((node) => node.what === "call") ? Draw.graph(row) : element("p", { class: "soft" }, "No call is made."),
      element("h3", {}, "Verdicts"), verdicts(row),
      element("h3", {}, "Lineage"), lineage(row),
      element("h3", {}, `Offered tools (${row.offered.length})`), ...documents(row));
  };
};
