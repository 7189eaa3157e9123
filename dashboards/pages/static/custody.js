// The store overview: how old what is in the stores is, how many containers stand where, and which need somebody.

import { agePill, categoryOf, hours, kg, lasting, levelOf, manifestOf, markOf, statePill, stateOf, traceOf, weight, words } from "./custody-words.js";
import { followToDo, Frame } from "./frame.js";
import { ask, byId, count, el, fill, moment, named, texts } from "./page.js";

const EVERY_MS = 5000;
const PER_PAGE = 50;
const LEVELS = ["ok", "info", "warning", "major", "critical"];
const FILTERS = ["unit", "place", "category", "q"];

const asked = new URLSearchParams(location.hash.slice(1));
const view = { view: words.views[asked.get("view")] ? asked.get("view") : "stores", unit: "", place: "", category: "", q: "", page: 0 };
const frame = new Frame(EVERY_MS, load, show);

function load() {
  const query = new URLSearchParams({ view: view.view, page: view.page, limit: PER_PAGE });
  for (const name of FILTERS) if (view[name]) query.set(name, view[name]);
  return ask(`/api/v1/custody-board?${query}`);
}

function show(found) {
  view.page = found.page;
  const filtered = FILTERS.some((name) => view[name]);
  byId("reset").hidden = !filtered;
  counts(found.counts);
  stores(found);
  choices(byId("unit"), found.choices.units, view.unit);
  choices(byId("place"), found.choices.places, view.place);
  byId("view-name").textContent = words.views[view.view];
  byId("view-hint").textContent = words.view_hints[view.view];
  byId("number").textContent = count(found.number);
  const rows = found.items.map((one) => row(one));
  byId("rows").replaceChildren(...(rows.length ? rows : [el("div", { class_: "empty" }, el("b", {}, filtered ? words.no_match : words.none))]));
  byId("pager").hidden = found.pages < 2;
  byId("page").textContent = fill(texts.page_of, { page: found.page + 1, pages: found.pages, count: count(found.number) });
  byId("previous").disabled = found.page === 0;
  byId("next").disabled = found.page >= found.pages - 1;
  grouped("by-state", found.states, (one) => stateOf(one.name));
  grouped("by-category", found.categories, (one) => categoryOf(one.name));
  grouped("by-unit", found.units, (one) => named(one.title) || one.name || "–");
}

const bad = { handover: "behind", missing: "out", quarantined: "out" };

function counts(numbers) {
  const tiles = Object.entries(words.views).map(([name, said]) => {
    const number = numbers[name];
    return el("button", { type: "button", class_: `tile ${number && bad[name] ? bad[name] : "zero"}`, "data-view": name, "aria-pressed": String(name === view.view), title: words.view_hints[name] }, el("b", {}, count(number)), el("span", {}, said));
  });
  const focused = document.activeElement?.dataset?.view;
  byId("counts").replaceChildren(...tiles);
  if (focused) byId("counts").querySelector(`[data-view="${focused}"]`)?.focus();
}

/** Each store as a bar of its containers by level of age; words say the same as the colours. */
function stores(found) {
  const body = byId("stores").querySelector(".body");
  if (!found.stores.length) body.replaceChildren(el("p", { class_: "calm" }, words.no_stores));
  else body.replaceChildren(...found.stores.map((one) => store(one, found.now)));
  const list = found.limits.map((one) => `${hours(one.after_ms)} ${markOf(one.severity)} ${levelOf(one.severity)}${one.verified ? "" : words.unverified}`).join(" · ");
  byId("limits").textContent = list ? fill(words.limits_from, { list }) : words.no_limit;
}

function store(one, now) {
  const parts = LEVELS.filter((level) => one.levels[level]);
  const bar = el("div", { class_: "agebar", role: "img", "aria-label": parts.map((level) => `${levelOf(level)}: ${one.levels[level]}`).join(", ") });
  for (const level of parts) {
    const piece = el("i", { class_: level, title: `${levelOf(level)}: ${one.levels[level]}` });
    piece.style.flexGrow = one.levels[level];
    bar.append(piece);
  }
  const said = parts.map((level) => el("span", { class_: `said ${level}` }, `${markOf(level)} ${levelOf(level)} ${count(one.levels[level])}`));
  const line = el("button", { type: "button", class_: "store", "data-place": one.place }, el("span", { class_: "top" }, el("b", {}, named(one.place_name) || one.place || "–"), el("small", {}, named(one.unit_name) ?? "")), el("span", { class_: "much" }, `${fill(words.n_containers, { n: count(one.n) })} · ${weight(one.net_g)}`, one.oldest === null ? null : el("small", {}, fill(words.oldest, { age: lasting(now - one.oldest) }))), bar, el("span", { class_: "saids" }, ...said));
  line.addEventListener("click", () => {
    byId("place").value = one.place;
    choose("stores", false);
    narrow("place", one.place);
  });
  return line;
}

function row(one) {
  const where = [named(one.place_name), named(one.department_name)].filter((text, i, all) => text && all.indexOf(text) === i).join(" · ");
  const since = one.stored_at ?? one.sealed_at ?? one.first_ts;
  const holder = named(one.holder_name) || one.holder;
  return el("div", { class_: `row plain ${one.level}`, role: "listitem", "data-container": one.id },
    el("a", { href: traceOf(one.id) },
      el("span", { class_: "mark" }, statePill(one.state), one.handover === null ? null : el("span", { class_: "pill held" }, words.views.handover)),
      el("span", { class_: "where" }, el("b", {}, one.id), el("small", {}, [named(one.unit_name) || one.unit, where].filter(Boolean).join(" · "))),
      el("span", { class_: "broken" }, el("span", { class_: "what" }, el("span", { class_: "rule" }, categoryOf(one.category)), el("span", {}, one.net_g === null ? words.no_weight : weight(one.net_g)), one.manifest ? el("span", { class_: "is" }, `${words.manifest} ${one.manifest}`) : null), el("small", {}, [holder && holder !== (named(one.unit_name) || one.unit) ? `${words.holder} ${holder}` : "", one.parent ? `${words.parent} ${one.parent}` : ""].filter(Boolean).join(" · "))),
      el("span", { class_: "when" }, el("time", { datetime: new Date(since).toISOString() }, agePill(one.age_ms, one.level, one.next_ms, one.limit_ms) ?? el("b", {}, moment(since)), one.age_ms === null ? null : el("small", {}, moment(since))))));
}

function grouped(id, items, name) {
  const head = el("tr", {}, el("th", {}, ""), el("th", { class_: "number" }, words.column_n), el("th", { class_: "number" }, words.column_kg));
  const rows = items.slice(0, 20).map((one) => el("tr", {}, el("td", {}, name(one)), el("td", { class_: "number" }, count(one.n)), el("td", { class_: "number" }, kg(one.net_g))));
  byId(id).replaceChildren(rows.length ? el("table", {}, head, ...rows) : el("p", { class_: "calm" }, words.none));
}

function choices(select, items, value) {
  const wanted = items.map((one) => one.id).join("\n");
  if (select.dataset.items === wanted) return;
  select.dataset.items = wanted;
  select.replaceChildren(select.options[0], ...items.map((one) => el("option", { value: one.id }, named(one.name) || one.id)));
  select.value = value;
}

function narrow(name, value) {
  view[name] = value;
  view.page = 0;
  frame.refresh();
}

function choose(name, again = true) {
  view.view = name;
  history.replaceState(null, "", `#view=${name}`);
  view.page = 0;
  if (again) frame.refresh();
}

let typing = 0;
byId("filter").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => narrow("q", event.target.value.trim()), 200);
});
for (const name of ["unit", "place", "category"]) byId(name).addEventListener("change", (event) => narrow(name, event.target.value));
byId("reset").addEventListener("click", () => {
  for (const name of ["unit", "place", "category"]) byId(name).value = view[name] = "";
  byId("filter").value = "";
  narrow("q", "");
});
byId("counts").addEventListener("click", (event) => {
  const tile = event.target.closest("[data-view]");
  if (tile !== null) choose(tile.dataset.view);
});
byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = wantedOf(event.target.elements.id.value);
  if (id) location.assign(id.startsWith("/") ? id : traceOf(id));
});

/** What was typed or scanned: an id, or a link from paper (a manifest's QR code holds its address). */
function wantedOf(text) {
  const written = text.trim();
  try {
    const path = new URL(written).pathname;
    const known = path.match(/^\/(custody|manifests)\/[^/]+$/);
    if (known) return known[0];
  } catch {
    // It is no address, so it is an id.
  }
  return written.startsWith("manifest:") ? manifestOf(written.slice(9)) : written;
}
function turnPage(by) {
  view.page += by;
  frame.refresh();
}
byId("previous").addEventListener("click", () => turnPage(-1));
byId("next").addEventListener("click", () => turnPage(1));
frame.refresh();
followToDo();
