// One manifest as it stands: the parts of mover, carrier and receiver, its containers, QR code and ledger code; to print.

import { manifestOf, traceOf } from "./custody-words.js";
import { followToDo, Frame } from "./frame.js";
import { ask, byId, el, language } from "./page.js";

const EVERY_MS = 10000;
const id = decodeURIComponent(location.pathname.split("/").at(-1));
const frame = new Frame(EVERY_MS, load, show);
let drawn = "";

async function load() {
  try {
    return await ask(`/api/v1/manifest-slip/${encodeURIComponent(id)}?lang=${language}`);
  } catch (error) {
    if (error.status !== 404) throw error;
    return { me: await ask("/api/v1/me"), now: Date.now(), absent: true };
  }
}

function show(found) {
  byId("absent").hidden = !found.absent;
  byId("slip").hidden = Boolean(found.absent);
  document.querySelector(".screen .right").hidden = Boolean(found.absent);
  if (found.absent) return;
  const { slip } = found;
  const said = JSON.stringify(slip);
  if (said === drawn) return;
  drawn = said;
  document.title = `${slip.number} · Hygeia`;
  byId("pdf").href = `${manifestOf(id)}/pdf?lang=${language}`;
  byId("slip").replaceChildren(
    el("header", {}, el("div", {}, el("h2", {}, slip.title), el("p", { class_: "number-of" }, slip.number), el("p", {}, slip.state)), el("img", { src: `${manifestOf(id)}/qr.svg`, alt: slip.link, width: 104, height: 104 })),
    ...slip.parts.map((part) => el("section", {}, el("h3", {}, part.title), el("dl", {}, ...part.facts.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value || "—")])), el("p", { class_: "sign" }, part.sign.map((line) => `${line} ____________________`).join("    ")))),
    ...slip.tables.map(table),
    el("footer", {}, el("span", {}, slip.code_name), el("span", { class_: "code" }, slip.code), ...slip.notes.map((note) => el("span", {}, note))),
  );
}

function table(content) {
  const numbers = new Set(content.numbers);
  const linked = content.head.indexOf(content.linked);
  const cell = (tag) => (text, i) => el(tag, { class_: numbers.has(i) ? "number" : null }, tag === "td" && i === linked ? el("a", { href: traceOf(text) }, text) : text);
  const last = content.last.length ? [el("tr", {}, ...content.last.map((text, i) => el("th", { class_: numbers.has(i) ? "number" : null }, text)))] : [];
  return el("section", {}, el("h3", {}, content.title), el("div", { class_: "scroller" }, el("table", { class_: content.head.length > 4 ? "many" : null }, el("thead", {}, el("tr", {}, ...content.head.map(cell("th")))), el("tbody", {}, ...content.rows.map((row) => el("tr", {}, ...row.map(cell("td")))), ...last))));
}

byId("print").addEventListener("click", () => print());
frame.refresh();
followToDo();
