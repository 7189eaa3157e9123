// The list of manifests, the newest first.

import { kg, manifestOf, words } from "./custody-words.js";
import { followToDo, Frame } from "./frame.js";
import { ask, byId, count, el, fill, moment, named } from "./page.js";

const EVERY_MS = 10000;
const view = { q: "", state: "" };
const frame = new Frame(EVERY_MS, load, show);

function load() {
  const query = new URLSearchParams();
  for (const name of ["q", "state"]) if (view[name]) query.set(name, view[name]);
  return ask(`/api/v1/manifest-board?${query}`);
}

const pills = { confirmed: "ok", refused_in_part: "out", departed: "held", received: "held" };

function show(found) {
  byId("number").textContent = count(found.number);
  if (!found.items.length) {
    byId("rows").replaceChildren(el("p", { class_: "calm" }, words.no_manifests));
    return;
  }
  const numbers = new Set([4, 5]);
  const head = el("tr", {}, ...words.manifest_columns.map((name, i) => el("th", { class_: numbers.has(i) ? "number" : null }, name)));
  byId("rows").replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...found.items.map(line))));
}

function line(one) {
  const last = one.confirmed_at ?? one.received_at ?? one.departed_at ?? one.opened_at;
  return el("tr", { "data-manifest": one.id },
    el("td", {}, el("a", { href: manifestOf(one.id) }, one.id)),
    el("td", {}, el("span", { class_: `pill ${pills[one.state] ?? ""}` }, words.manifest_states[one.state] ?? one.state)),
    el("td", {}, `${named(one.consignor_name) || one.consignor || "–"} → ${named(one.receiver_name) || one.receiver || "–"}`, el("small", {}, named(one.carrier_name) || one.carrier || "")),
    el("td", {}, one.vehicle),
    el("td", { class_: "number" }, fill(words.loaded_n, { received: count(one.received), loaded: count(one.loaded) })),
    el("td", { class_: "number" }, kg(one.net_g)),
    el("td", {}, last === null ? "–" : moment(last)));
}

let typing = 0;
byId("filter").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    view.q = event.target.value.trim();
    frame.refresh();
  }, 200);
});
byId("state").addEventListener("change", (event) => {
  view.state = event.target.value;
  frame.refresh();
});
frame.refresh();
followToDo();
