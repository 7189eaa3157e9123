// Ranges of label numbers: registered before they are printed, so that no two units ever have the same.

import { words } from "./custody-words.js";
import { followToDo, Frame } from "./frame.js";
import { ask, byId, count, el, fill, language, named, tell } from "./page.js";

const EVERY_MS = 15000;
/** The sheets of one file; more are printed in several. */
const MOST_PRINTED = 2400;
const frame = new Frame(EVERY_MS, load, show);
const form = byId("register");
let ranges = [];

async function load() {
  const [board, labels] = await Promise.all([ask("/api/v1/custody-board?limit=1"), ask("/api/v1/label-ranges")]);
  return { me: board.me, now: board.now, units: board.choices.units, items: labels.items };
}

function show({ me, units, items }) {
  const may = me.permissions.includes("manage");
  byId("fresh").hidden = !may;
  byId("may-not").hidden = may;
  ranges = items;
  choices(units);
  const rows = items.map((one) => el("tr", { "data-range": one.id },
    el("td", {}, el("b", {}, named(one.unit_name) || one.unit), el("small", {}, one.id)),
    el("td", {}, fill(words.label_range, { a: number(one, one.first), b: number(one, one.last), n: count(one.last - one.first + 1) })),
    el("td", { class_: "number" }, may ? el("button", { type: "button", onclick: () => openPrint(one) }, words.label_print) : null)));
  if (byId("ranges").dataset.said === JSON.stringify([items, may])) return;
  byId("ranges").dataset.said = JSON.stringify([items, may]);
  byId("ranges").replaceChildren(rows.length ? el("table", {}, ...rows) : el("p", { class_: "calm" }, words.no_labels));
}

const number = (range, n) => `${range.prefix}${String(n).padStart(range.digits, "0")}`;

function choices(units) {
  const select = form.elements.unit;
  const wanted = units.map((one) => one.id).join("\n");
  if (select.dataset.items === wanted) return;
  select.dataset.items = wanted;
  select.replaceChildren(...units.map((one) => el("option", { value: one.id }, named(one.name) || one.id)));
  propose();
}

/** What is usual for a unit: its last prefix, and the number after the last one of that prefix. */
function propose() {
  const unit = form.elements.unit.value;
  const own = ranges.filter((one) => one.unit === unit).sort((a, b) => b.last - a.last)[0];
  form.elements.prefix.value = own?.prefix ?? `${unit.toUpperCase().replace(/[^A-Z0-9]/g, "")}-`;
  form.elements.digits.value = own?.digits ?? 6;
  continueFrom();
}

function continueFrom() {
  const same = ranges.filter((one) => one.prefix === form.elements.prefix.value);
  form.elements.first.value = same.length ? Math.max(...same.map((one) => one.last)) + 1 : 1;
  example();
}

function asked() {
  const { unit, prefix, first, number: many, digits } = form.elements;
  const begin = Number(first.value);
  return { unit: unit.value, prefix: prefix.value.trim(), first: begin, last: begin + Number(many.value) - 1, digits: Number(digits.value) };
}

function example() {
  const range = asked();
  byId("example").textContent = fill(words.label_example, { a: number(range, range.first), b: number(range, range.last) });
}

function explain(place, text) {
  place.textContent = text;
  place.hidden = !text;
}

form.addEventListener("input", (event) => {
  if (event.target.name === "prefix") continueFrom();
  else if (event.target.name === "unit") propose();
  else example();
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const range = asked();
  const wrong = form.querySelector(".wrong");
  const id = `${range.prefix}${String(range.first).padStart(range.digits, "0")}`.replace(/[^A-Za-z0-9_.-]/g, "-");
  explain(wrong, "");
  byId("done").hidden = true;
  try {
    await tell("/api/v1/commands", { command: "registry.apply", args: { changes: [{ kind: "labels", id, body: { id, ...range } }] } });
    byId("done").textContent = `${words.label_done} ${fill(words.label_range, { a: number(range, range.first), b: number(range, range.last), n: count(range.last - range.first + 1) })}`;
    byId("done").hidden = false;
    await frame.refresh();
    continueFrom();
  } catch (error) {
    explain(wrong, [error.message, error.allowed].filter(Boolean).join(": "));
  }
});

const printing = byId("print-form");

function openPrint(range) {
  printing.action = `/labels/${encodeURIComponent(range.id)}/pdf`;
  const { first, last } = printing.elements;
  first.min = last.min = range.first;
  first.max = last.max = range.last;
  first.value = range.first;
  last.value = Math.min(range.last, range.first + MOST_PRINTED - 1);
  explain(printing.querySelector(".wrong"), "");
  byId("printing").showModal();
}

printing.addEventListener("submit", (event) => {
  const { first, last } = printing.elements;
  if (Number(last.value) - Number(first.value) >= MOST_PRINTED) {
    event.preventDefault();
    explain(printing.querySelector(".wrong"), fill(words.label_too_many, { n: count(MOST_PRINTED) }));
    return;
  }
  byId("printing").close();
});
printing.append(el("input", { type: "hidden", name: "lang", value: language }));
frame.refresh();
followToDo();
