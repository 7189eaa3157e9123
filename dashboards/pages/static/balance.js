// The balance of a day: what departments handed over against store, vehicle and plant, by unit and category.

import { categoryOf, kg, nameIn, signed, traceOf, words } from "./custody-words.js";
import { followToDo, Frame } from "./frame.js";
import { ask, byId, count, el, fill, named, zone } from "./page.js";

const EVERY_MS = 30000;
const DAY_MS = 86400000;
const STAGES = ["department", "store_in", "store_out", "loaded", "received"];
const localDay = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
const asked = new URLSearchParams(location.hash.slice(1));
const view = { day: /^\d{4}-\d\d-\d\d$/.test(asked.get("day") ?? "") ? asked.get("day") : "", unit: asked.get("unit") ?? "" };
const frame = new Frame(EVERY_MS, load, show);
let names = null;

async function load() {
  const board = await ask("/api/v1/custody-board?limit=1");
  if (!view.day) view.day = localDay.format(board.now);
  names ??= Object.fromEntries((await ask("/api/v1/units?limit=10000")).items.map((one) => [one.id, one.name]));
  const query = new URLSearchParams({ day: view.day, limit: 10000 });
  if (view.unit) query.set("unit", view.unit);
  const balance = await ask(`/api/v1/balance?${query}`);
  return { me: board.me, now: board.now, units: board.choices.units, rows: balance.items };
}

function show({ units, rows, now }) {
  byId("day").value = view.day;
  byId("day").max = localDay.format(now);
  byId("after").disabled = view.day >= localDay.format(now);
  choices(units);
  const by = new Map();
  for (const row of rows) by.set(row.unit, [...(by.get(row.unit) ?? []), row]);
  byId("total").textContent = rows.length ? fill(words.balance_total, { n: count(by.size), bad: count(rows.filter((row) => !row.ok).length) }) : "";
  const place = byId("balance").querySelector(".scroller");
  if (!rows.length) {
    place.replaceChildren(el("p", { class_: "calm" }, words.no_balance));
    return;
  }
  const head = el("tr", {}, el("th", {}, words.columns.category), ...STAGES.map((stage) => el("th", { class_: "number" }, words.columns[stage])), el("th", { class_: "number" }, words.columns.disposed), el("th", { class_: "number" }, words.columns.difference), el("th", {}, words.columns.verdict));
  const parts = [...by].sort(([, a], [, b]) => Number(a.every((row) => row.ok)) - Number(b.every((row) => row.ok)));
  place.replaceChildren(el("table", {}, el("thead", {}, head), ...parts.map(([unit, own]) => el("tbody", {}, el("tr", { class_: "unit" }, el("td", { colspan: STAGES.length + 4 }, nameIn(names, unit) || unit)), ...own.map(line)))));
}

function line(row) {
  const cells = STAGES.map((stage) => stageCell(row, stage));
  const difference = row.tolerance_g ? [el("b", { class_: Math.abs(row.difference_g) <= row.tolerance_g ? "ok-text" : "bad-text" }, `${signed(row.difference_g)} kg`), el("small", {}, fill(words.tolerance, { g: kg(row.tolerance_g) }))] : ["–"];
  const missing = row.missing.flatMap((id, i) => [i ? " · " : "", el("a", { href: traceOf(id) }, id)]);
  return el("tr", { class_: row.ok ? "good" : "bad", "data-row": `${row.unit}:${row.category}` },
    el("td", {}, categoryOf(row.category)), ...cells,
    el("td", { class_: "number" }, count(row.disposed_n)),
    el("td", { class_: "number" }, ...difference),
    el("td", {}, el("span", { class_: row.ok ? "ok-text" : "bad-text" }, row.ok ? words.balance_ok : words.balance_bad), row.missing.length ? el("div", {}, fill(words.missing_n, { n: count(row.missing.length) }), ": ", ...missing) : null, row.skipped.length ? el("div", {}, fill(words.skipped_n, { n: count(row.skipped.length) }), ": ", ...row.skipped.flatMap((id, i) => [i ? " · " : "", el("a", { href: traceOf(id) }, id)])) : null));
}

function stageCell(row, stage) {
  const grams = row[`${stage}_g`];
  const part = (row.part ?? []).includes(stage);
  return el("td", { class_: "number" }, count(row[`${stage}_n`]), el("small", {}, grams === null ? "–" : `${part ? "≥ " : ""}${kg(grams)} kg`));
}

function choices(units) {
  const select = byId("unit");
  const wanted = units.map((one) => one.id).join("\n");
  if (select.dataset.items === wanted) return;
  select.dataset.items = wanted;
  select.replaceChildren(select.options[0], ...units.map((one) => el("option", { value: one.id }, named(one.name) || one.id)));
  select.value = view.unit;
}

function go() {
  const said = new URLSearchParams({ day: view.day });
  if (view.unit) said.set("unit", view.unit);
  history.replaceState(null, "", `#${said}`);
  frame.refresh();
}

function turn(days) {
  view.day = new Date(Date.parse(`${view.day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
  go();
}

byId("before").addEventListener("click", () => turn(-1));
byId("after").addEventListener("click", () => turn(1));
byId("day").addEventListener("change", (event) => {
  if (!event.target.value) return;
  view.day = event.target.value;
  go();
});
byId("unit").addEventListener("change", (event) => {
  view.unit = event.target.value;
  go();
});
frame.refresh();
followToDo();
