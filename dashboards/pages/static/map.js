// The map: asks for every place in scope while the page is seen, draws it, and shows what was pressed beside it.

import { followToDo, Frame } from "./frame.js";
import { boundsOf, Drawing, pointsOf, shadeKey, shapeOf } from "./map-drawing.js";
import { ask, byId, count, el, fill, limits, named, shown, texts, titleOf, unitOf, verdictOf } from "./page.js";
import { alertRow } from "./side.js";

const EVERY_MS = 4000;
const MOST_ROWS = 200;
const STEP = 1.5;
const words = texts.map;
const WORST = ["out", "silent", "ok", "none"];

const view = { show: new Set(WORST), shade: "alerts", grid: null, place: new URLSearchParams(location.hash.slice(1)).get("place"), together: null, bounds: null };
let outlines = { version: null, features: [] };
let last = null;

const drawing = new Drawing(byId("map"), { onArea: chooseArea, onPlaces: choosePlaces });
const frame = new Frame(EVERY_MS, load, show);

async function load() {
  const query = new URLSearchParams(view.place === null ? {} : { place: view.place });
  const found = await ask(`/api/v1/map?${query}`);
  // Scope may have changed with the account: outlines are asked for again with it.
  const wanted = `${found.outlines} ${found.me.name}`;
  if (outlines.wanted !== wanted) {
    outlines = { ...(await ask("/api/v1/outlines")), wanted };
    view.bounds = null;
  }
  return found;
}

function show(found) {
  last = found;
  const counts = Object.fromEntries(WORST.map((name) => [name, found.places.filter((one) => one.condition === name).length]));
  for (const button of byId("conditions").children) {
    const name = button.dataset.show;
    button.querySelector(".count").textContent = count(counts[name]);
    button.setAttribute("aria-pressed", String(view.show.has(name)));
  }
  draw();
  tell();
}

const placed = () => last.places.filter((one) => one.lat !== null);
const partOf = (grid) => last.grids.find((one) => one.grid === grid);
const within = (place, grid) => place.grid === grid || place.grid.startsWith(`${grid}/`);

function shadeOf(part) {
  if (view.shade === "limits") {
    if (!part?.judged) return "s-none";
    const share = part.compliant / part.judged;
    return share >= 1 ? "s0" : share >= 0.99 ? "s1" : share >= 0.95 ? "s2" : share >= 0.9 ? "s3" : "s4";
  }
  const alerts = part?.alerts ?? 0;
  return alerts === 0 ? "s0" : alerts === 1 ? "s1" : alerts < 5 ? "s2" : alerts < 10 ? "s3" : "s4";
}

const percent = (part) => (part?.judged ? `${(Math.floor((part.compliant / part.judged) * 1000) / 10).toFixed(1)}%` : "–");

function draw() {
  if (!last) return;
  const areas = outlines.features.map((feature) => {
    const part = partOf(feature.properties.grid);
    const name = named({ zh: feature.properties.name_zh, en: feature.properties.name_en });
    const number = view.shade === "limits" ? percent(part) : fill(words.alerts_n, { n: count(part?.alerts ?? 0) });
    return { feature, shade: shadeOf(part), number, calm: shadeOf(part) === "s0", words: `${name} · ${number}`, chosen: feature.properties.grid === view.grid };
  });
  // What lies inside something larger is drawn above it.
  areas.sort((a, b) => a.feature.properties.grid.split("/").length - b.feature.properties.grid.split("/").length);
  view.bounds ??= everything();
  const places = placed().filter((one) => view.show.has(one.condition));
  byId("ground").classList.toggle("bare", view.bounds === null);
  if (view.bounds) drawing.draw(view.bounds, areas, places, view.place);
  else byId("map").replaceChildren();
  byId("whole").disabled = view.bounds === null;
  const steps = ["s0", "s1", "s2", "s3", "s4"];
  byId("shades").replaceChildren(...(areas.length ? steps.map((step, i) => shadeKey(step, words.steps[view.shade][i])) : []));
}

function everything() {
  const points = [...outlines.features.flatMap(pointsOf), ...placed().map((one) => [one.lon, one.lat])];
  const bounds = boundsOf(points);
  return bounds && widened(bounds);
}

/** Never smaller than this, usually some 300 m: a single place would be a point of infinite size. */
function widened([west, south, east, north], least = 0.003, lowest = least) {
  const wide = Math.max(least - (east - west), 0) / 2;
  const high = Math.max(lowest - (north - south), 0) / 2;
  return [west - wide, south - high, east + wide, north + high];
}

function chooseArea(grid) {
  if (dragged) return;
  Object.assign(view, { grid: view.grid === grid ? null : grid, place: null, together: null });
  const feature = outlines.features.find((one) => one.properties.grid === view.grid);
  view.bounds = feature ? boundsOf(pointsOf(feature)) : everything();
  draw();
  tell();
}

function choosePlaces(places) {
  if (dragged) return;
  if (places.length > 1) {
    Object.assign(view, { place: null, together: places.map((one) => one.key) });
    const bounds = boundsOf(places.map((one) => [one.lon, one.lat]));
    // Not nearer than a quarter of what is seen now, so that nobody is lost.
    const seen = view.bounds;
    if (bounds[2] - bounds[0] > 1e-4 || bounds[3] - bounds[1] > 1e-4) view.bounds = widened(bounds, (seen[2] - seen[0]) / 4, (seen[3] - seen[1]) / 4);
    draw();
    tell();
  } else choosePlace(places[0].key);
}

function choosePlace(key) {
  Object.assign(view, { place: key });
  frame.refresh();
}

function back() {
  if (view.place !== null) view.place = null;
  else if (view.together) view.together = null;
  else view.grid = null;
  if (view.grid === null && view.together === null) view.bounds = everything();
  draw();
  tell();
}

/** What was pressed, beside the map: a place, several places, a part of the grid, or everything. */
function tell() {
  const panel = byId("found");
  const top = panel.scrollTop;
  if (view.place !== null && last.selected?.key === view.place) panel.replaceChildren(...aboutPlace(last.selected));
  else if (view.together) panel.replaceChildren(...aboutTogether());
  else if (view.grid !== null) panel.replaceChildren(...aboutGrid());
  else panel.replaceChildren(...aboutAll());
  panel.scrollTop = top;
}

const header = (title, facts, pill = null) =>
  el("header", {},
    view.place !== null || view.together || view.grid !== null ? el("button", { type: "button", class_: "quiet", onclick: back }, `‹ ${words.back}`) : null,
    el("div", { class_: "line" }, el("h2", {}, title), pill),
    facts ? el("p", { class_: "facts" }, facts) : null);

function aboutPlace(place) {
  const facts = [named(place.unit_name), texts.kinds[place.kind] ?? place.kind, place.grid_names.map(named).join(" / ")].filter(Boolean).join(" · ");
  const values = place.channels.map((channel) => el("tr", { class_: channel.verdict },
    el("td", {}, titleOf(channel.parameter, channel.point), el("small", {}, limits(channel.low, channel.high) ? `${texts.limit} ${limits(channel.low, channel.high)}` : "")),
    el("td", { class_: "number" }, `${shown(channel.parameter, channel.value)} ${unitOf(channel.parameter)}`, el("small", {}, ["ok", "none"].includes(channel.verdict) ? "" : verdictOf(channel)))));
  return [
    header(named(place.name), facts, el("span", { class_: `pill ${place.condition}` }, texts.conditions[place.condition])),
    el("div", { class_: "body" },
      el("a", { class_: "go", href: `/#place=${encodeURIComponent(place.key)}` }, `${words.open_live} ›`),
      el("h3", {}, `${texts.alerts} ${place.alerts.length || ""}`),
      ...(place.alerts.length ? place.alerts.map((alert) => alertRow(alert, last.now)) : [el("p", { class_: "calm" }, texts.no_alerts)]),
      values.length ? el("h3", {}, words.values) : null,
      values.length ? el("table", { class_: "values-now" }, ...values) : null),
  ];
}

function aboutTogether() {
  const places = last.places.filter((one) => view.together.includes(one.key));
  return [header(fill(words.together, { n: count(places.length) }), ""), rowsOf(places)];
}

function aboutGrid() {
  const part = partOf(view.grid);
  const feature = outlines.features.find((one) => one.properties.grid === view.grid);
  const title = feature ? named({ zh: feature.properties.name_zh, en: feature.properties.name_en }) : named(part?.name);
  const places = last.places.filter((one) => within(one, view.grid));
  const facts = [fill(words.places_n, { n: count(places.length) }), fill(words.alerts_n, { n: count(part?.alerts ?? 0) }), `${words.inside} ${percent(part)}`].join(" · ");
  return [header(title, facts), rowsOf(places)];
}

function aboutAll() {
  const alerts = last.places.reduce((sum, one) => sum + one.alerts, 0);
  const facts = [fill(words.places_n, { n: count(last.places.length) }), fill(words.alerts_n, { n: count(alerts) })].join(" · ");
  const drawn = new Set(outlines.features.map((one) => one.properties.grid));
  const parts = last.grids.filter((one) => (drawn.size ? drawn.has(one.grid) : !one.grid.includes("/")));
  const rows = parts.map((part) => el("tr", { "data-grid": part.grid },
    el("td", {}, el("button", { type: "button", class_: "plain", onclick: () => chooseArea(part.grid) }, named(part.name))),
    el("td", { class_: "number" }, count(Object.values(part.places).reduce((sum, one) => sum + one, 0))),
    el("td", { class_: "number" }, part.alerts ? el("b", { class_: "open" }, count(part.alerts)) : "0"),
    el("td", { class_: "number" }, percent(part))));
  const heads = el("tr", {}, el("th", {}, texts.district), ...[texts.places, texts.alerts, words.inside].map((name) => el("th", { class_: "number" }, name)));
  const lost = last.places.filter((one) => one.lat === null);
  return [
    header(words.all, facts),
    el("div", { class_: "body" },
      rows.length ? el("table", {}, heads, ...rows) : null,
      outlines.features.length ? null : el("div", { class_: "note" }, words.no_outlines, el("code", {}, "hygeia registry outlines import FILE")),
      lost.length ? el("details", {}, el("summary", {}, fill(words.unplaced, { n: count(lost.length) })), rowsOf(lost)) : null,
      el("p", { class_: "note" }, words.sketch)),
  ];
}

function rowsOf(places) {
  const sorted = [...places].sort((a, b) => b.alerts - a.alerts || WORST.indexOf(a.condition) - WORST.indexOf(b.condition));
  const rows = sorted.slice(0, MOST_ROWS).map((one) => el("button", { type: "button", class_: `place ${one.condition}`, "data-key": one.key, onclick: () => choosePlace(one.key) },
    el("div", { class_: "top" }, el("b", {}, named(one.name)), el("span", { class_: "unit" }, named(one.unit_name)), el("span", { class_: "age" }, texts.conditions[one.condition]), one.alerts ? el("span", { class_: `pill ${one.severity}` }, count(one.alerts)) : null)));
  if (sorted.length > MOST_ROWS) rows.push(el("p", { class_: "note" }, fill(words.more, { n: count(sorted.length - MOST_ROWS) })));
  return el("div", { class_: "rows" }, ...rows);
}

function zoom(by) {
  if (!view.bounds) return;
  const [west, south, east, north] = view.bounds;
  const [x, y] = [(west + east) / 2, (south + north) / 2];
  view.bounds = [x - ((east - west) / 2) * by, y - ((north - south) / 2) * by, x + ((east - west) / 2) * by, y + ((north - south) / 2) * by];
  draw();
}

let held = null;
let dragged = false;
const map = byId("map");
map.addEventListener("pointerdown", (event) => {
  dragged = false;
  held = { x: event.clientX, y: event.clientY, bounds: view.bounds };
});
map.addEventListener("pointermove", (event) => {
  if (!held?.bounds || !event.buttons) return;
  const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
  if (!dragged && Math.hypot(dx, dy) < 6) return;
  dragged = true;
  const { scale, narrow } = drawing.projection;
  const [lon, lat] = [dx / scale / narrow, dy / scale];
  view.bounds = [held.bounds[0] - lon, held.bounds[1] + lat, held.bounds[2] - lon, held.bounds[3] + lat];
  draw();
});
for (const name of ["pointerup", "pointerleave"]) map.addEventListener(name, () => { held = null; });

byId("nearer").addEventListener("click", () => zoom(1 / STEP));
byId("farther").addEventListener("click", () => zoom(STEP));
byId("whole").addEventListener("click", () => {
  Object.assign(view, { grid: null, place: null, together: null, bounds: everything() });
  draw();
  tell();
});
byId("shade").addEventListener("change", (event) => {
  view.shade = event.target.value;
  draw();
});
byId("conditions").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const name = button.dataset.show;
  if (!view.show.delete(name)) view.show.add(name);
  button.setAttribute("aria-pressed", String(view.show.has(name)));
  draw();
});
for (const group of byId("conditions").querySelectorAll("g.mark")) group.append(shapeOf(group.classList[1]));
new ResizeObserver(() => draw()).observe(byId("ground"));
frame.refresh();
followToDo();
