// Draws every picture for the version that is chosen, or for both beside each other.
"use strict";

const report = JSON.parse(document.getElementById("data").textContent);
const state = { shown: 0, open: null };

const mapOptions = () => {
  const colour = document.getElementById("colour").value;
  const counts = d3.rollup(report.pictures.flatMap((picture) => picture.points), (points) => points.length, (point) => point[colour]);
  const names = [...counts].sort((a, b) => d3.descending(a[1], b[1]) || d3.ascending(a[0], b[0])).map(([name]) => name);
  const named = new Set(names.length > 10 ? names.slice(0, 9) : names);
  const domain = names.length > 10 ? [...named, "others"] : names;
  const points = report.pictures.flatMap((picture) => picture.points);
  return {
    domain,
    extent: { x: d3.extent(points, (point) => point.x), y: d3.extent(points, (point) => point.y) },
    colour: (point) => (named.has(point[colour]) ? point[colour] : "others"),
    opens: (row) => (Browser.has(row) ? () => Browser.open(row, true) : null),
  };
};

const draw = (only) => {
  const pictures = state.shown === "both" ? report.pictures : [report.pictures[state.shown]];
  for (const place of document.querySelectorAll("[data-figure]")) {
    const name = place.dataset.figure;
    if (only && name !== only) continue;
    const whole = place.clientWidth || 900;
    if (name === "history") {
      place.replaceChildren(Draw.history(report.history, whole));
    } else if (name === "changes") {
      place.replaceChildren(Draw.changes(report.difference, whole));
    } else {
      place.classList.toggle("two", pictures.length > 1);
      const width = pictures.length > 1 && window.innerWidth > 900 ? (whole - 32) / 2 : whole;
      place.replaceChildren(...pictures.map((picture) => Draw.element("div", { class: "figure" },
        pictures.length > 1 ? Draw.element("p", { class: "name" }, picture.version) : null,
        Draw[name](picture, width, name === "map" ? mapOptions() : undefined))));
    }
  }
};

const show = (which) => {
  state.shown = which;
  for (const button of document.querySelectorAll("#versions button")) {
    button.setAttribute("aria-pressed", String(button.dataset.show === String(which)));
  }
  draw();
  Browser.list();
};

for (const button of document.querySelectorAll("#versions button")) {
  button.addEventListener("click", () => show(button.dataset.show === "both" ? "both" : +button.dataset.show));
}
document.getElementById("colour").addEventListener("change", () => draw("map"));
Browser.start(report, state);
show(0);

let drawnAt = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === drawnAt) return;
  drawnAt = window.innerWidth;
  draw();
});
