// A conversation's graph: people's turns and calls from left to right, and which value came from where.
"use strict";

Draw.graph = ({ nodes, origins, constants }) => {
  const box = { width: 176, height: 44, across: 104, down: 26 };
  // What a person said that gave no value is left out; without it, columns close up.
  const giving = new Set(origins.map((one) => one.source));
  const kept = nodes.filter((node) => node.what === "call" || giving.has(node.id));
  const order = [...new Set(kept.map((node) => node.rank))];
  const ranks = d3.group(kept, (node) => order.indexOf(node.rank));
  const tallest = d3.max(ranks.values(), (column) => column.length);
  const places = new Map();
  for (const [rank, column] of ranks) {
    column.forEach((node, index) => {
      const top = ((tallest - column.length) / 2 + index) * (box.height + box.down);
      places.set(node.id, { node, rank, x: rank * (box.width + box.across), y: top });
    });
  }
  // Values between the same two are one edge.
  const edges = [...d3.group(origins, (one) => one.source, (one) => one.target)].flatMap(([source, targets]) =>
    [...targets].map(([target, values]) => ({ source: places.get(source), target: places.get(target), values })))
    .filter((edge) => edge.source && edge.target);
  // An edge that passes over columns goes below them, each on a line of its own.
  const far = edges.filter((edge) => edge.target.rank - edge.source.rank > 1);
  const bottom = tallest * (box.height + box.down);
  const height = far.length ? bottom + 26 * far.length : bottom - box.down + 2;
  const width = ranks.size * (box.width + box.across) - box.across;
  const svg = d3.create("svg").attr("viewBox", [-2, -8, width + 4, height + 12]).attr("width", width + 4).style("min-width", `${0.78 * width}px`)
    .attr("role", "img").attr("aria-label", "which call's values come from where");
  svg.append("defs").append("marker").attr("id", "tip").attr("viewBox", "0 0 8 8").attr("refX", 7).attr("refY", 4)
    .attr("markerWidth", 6).attr("markerHeight", 6).attr("orient", "auto").append("path").attr("d", "M0 0 L8 4 L0 8 z").style("fill", "var(--soft)").style("stroke", "none");
  const lines = svg.append("g");
  const words = svg.append("g");
  for (const edge of edges) {
    const from = { x: edge.source.x + box.width, y: edge.source.y + box.height / 2 };
    const to = { x: edge.target.x, y: edge.target.y + box.height / 2 };
    const kind = edge.source.node.what === "call" ? "answer" : "user";
    const path = d3.path();
    const label = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 - 7 };
    path.moveTo(from.x, from.y);
    if (far.includes(edge)) {
      const lane = bottom + 26 * far.indexOf(edge) + 8;
      path.bezierCurveTo(from.x + 45, from.y, from.x + 20, lane, from.x + 75, lane);
      path.lineTo(to.x - 75, lane);
      path.bezierCurveTo(to.x - 20, lane, to.x - 45, to.y, to.x - 2, to.y);
      label.y = lane - 5;
    } else {
      path.bezierCurveTo(from.x + 50, from.y, to.x - 50, to.y, to.x - 2, to.y);
    }
    const told = edge.values.map((value) => `${value.path.slice(1)}: “${value.text}” (${value.derivation})`).join("\n");
    lines.append("path").attr("class", kind).attr("d", path).attr("marker-end", "url(#tip)").append("title").text(told);
    const names = [...new Set(edge.values.map((value) => value.path.slice(1)))];
    const text = names.slice(0, 2).join(", ") + (names.length > 2 ? ` +${names.length - 2}` : "");
    words.append("text").attr("class", `edge halo ${kind}`).attr("x", label.x).attr("y", label.y).attr("text-anchor", "middle")
      .text(shortened(text, 18)).append("title").text(told);
  }
  for (const { node, x, y } of places.values()) {
    const group = svg.append("g").attr("class", `${node.what}${node.failed ? " failed" : ""}`).attr("transform", `translate(${x},${y})`);
    group.append("rect").attr("width", box.width).attr("height", box.height).attr("rx", 6);
    group.append("text").attr("x", 9).attr("y", 18).text(shortened(node.label, 24) + (node.failed ? " ✗" : ""));
    group.append("text").attr("class", "detail").attr("x", 9).attr("y", 34).text(shortened(node.detail, 27));
    group.append("title").text(`${node.label}\n${node.detail}`);
  }
  const others = Object.entries(constants).map(([name, count]) => `${name} ${count}`).join(", ");
  return Draw.element("div", { class: "dag" }, svg.node(), others ? Draw.element("p", { class: "soft" }, `Values that no message gives: ${others}.`) : null);
};

const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
