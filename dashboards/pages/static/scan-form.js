// The event that is being put together: what was scanned and typed, kept on the phone until it is recorded.

import { kg } from "./custody-words.js";
import { byId, el, texts } from "./page.js";

const words = texts.scan;
const steps = texts.custody.steps;
/** What is done most, as large buttons. */
const USUAL = ["collect", "store_in", "store_out", "load", "depart", "arrive", "receive", "confirm", "dispose"];
/** What is taken back or corrected needs the other event, a reason and a second person: not on a phone in a corridor. */
const ELSEWHERE = new Set(["void", "correct"]);
const PLAIN = ["weight", "weight_unit", "category", "place", "manifest", "vehicle", "parent", "of", "reason"];
/** What the next event most likely has as well. */
const STAYING = ["weight_unit", "category", "place", "manifest", "vehicle"];
/** Steps that say something of a journey. */
const WITH_MORE = new Set(["load", "depart", "arrive", "receive", "confirm", "unload", "unpack"]);
const empty = () => ({ step: "collect", by: "", with: "", auth: {}, ids: [], fields: { weight_unit: "kg" } });

export class EventForm {
  /** `changed` gets the draft each time something is different. */
  constructor(changed) {
    this.form = byId("event");
    this.changed = changed;
    this.draft = empty();
    const radio = (step) => el("label", {}, el("input", { type: "radio", name: "step", value: step }), el("span", {}, steps[step]));
    const others = Object.keys(steps).filter((step) => !USUAL.includes(step) && !ELSEWHERE.has(step));
    this.other = el("select", { "aria-label": words.other_step }, el("option", { value: "" }, words.other_step), ...others.map((step) => el("option", { value: step }, steps[step])));
    byId("steps").append(el("div", {}, ...USUAL.map(radio)), this.other);
    this.other.addEventListener("change", () => this.other.value && this.choose(this.other.value));
    this.form.addEventListener("change", (event) => this.read(event.target));
    this.form.addEventListener("input", (event) => event.target.name !== "ids" && this.read(event.target));
    this.form.addEventListener("keydown", (event) => this.key(event));
    byId("chips").addEventListener("click", (event) => {
      const chip = event.target.closest("button");
      if (chip) this.drop(chip.value);
    });
  }

  load(draft) {
    this.draft = { ...empty(), ...draft };
    this.show();
  }

  /** A scanner that types ends with Enter: it goes on to the next field and records nothing by itself. */
  key(event) {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT" || event.target.type === "radio") return;
    event.preventDefault();
    const { name } = event.target;
    if (name === "by" || name === "with") this.form.elements[name === "by" ? "with" : "ids"].focus();
    else if (name === "ids") this.typed();
    else event.target.blur();
  }

  read(input) {
    const { name, value } = input;
    if (name === "step") this.choose(value);
    else if (name === "by" || name === "with") this.badge(name, value.trim(), "typed");
    else if (name === "ids") this.typed();
    else if (PLAIN.includes(name)) this.draft.fields[name] = value.trim();
    this.changed(this.draft);
  }

  typed() {
    const input = this.form.elements.ids;
    if (input.value.trim()) this.meet("ids", input.value.trim());
    input.value = "";
  }

  choose(step) {
    this.draft.step = step;
    this.show();
    this.changed(this.draft);
  }

  badge(name, value, auth) {
    this.draft[name] = value;
    this.draft.auth[name] = auth;
  }

  /** What the camera or a person read for a field; false where it was there already. Links from paper know what they are. */
  meet(field, text) {
    const { field: meant, text: said } = understood(field, text);
    let fresh = true;
    if (meant === "by" || meant === "with") this.badge(meant, said, "qr");
    else if (meant === "ids") {
      fresh = !this.draft.ids.includes(said);
      if (fresh) this.draft.ids.push(said);
    } else this.draft.fields[meant] = said;
    this.show();
    this.changed(this.draft);
    return fresh;
  }

  drop(id) {
    this.draft.ids = this.draft.ids.filter((one) => one !== id);
    this.show();
    this.changed(this.draft);
  }

  /** The places that may be chosen, as `[id, name]`. */
  places(items) {
    const select = this.form.elements.place;
    select.replaceChildren(el("option", { value: "" }, words.own_place), ...items.map(([id, name]) => el("option", { value: id }, name)));
    select.value = this.draft.fields.place ?? "";
  }

  show() {
    const { draft, form } = this;
    for (const radio of form.querySelectorAll('[name="step"]')) radio.checked = radio.value === draft.step;
    this.other.value = USUAL.includes(draft.step) ? "" : draft.step;
    this.other.classList.toggle("chosen", this.other.value !== "");
    for (const name of ["by", "with"]) form.elements[name].value = draft[name];
    for (const name of PLAIN) form.elements[name].value = draft.fields[name] ?? (name === "weight_unit" ? "kg" : "");
    byId("chips").replaceChildren(...draft.ids.map((id) => el("li", {}, el("code", {}, id), el("button", { type: "button", value: id, "aria-label": `${words.remove} ${id}` }, "×"))));
    if (WITH_MORE.has(draft.step)) byId("more").open = true;
  }

  /** What is wrong with the draft, in words; empty where it can be recorded. */
  fault() {
    const { ids, fields } = this.draft;
    if (!ids.length && !["parent", "manifest", "vehicle", "of"].some((name) => fields[name])) return words.no_ids;
    if (fields.weight && grams(fields) === null) return words.bad_weight;
    return "";
  }

  /** The draft as an event without what the queue gives it. */
  content() {
    const { step, ids, fields, auth } = this.draft;
    const event = { step, ids: ids.map((v) => ({ k: "qr", v })) };
    for (const name of ["by", "with"]) if (this.draft[name]) event[name] = { badge: this.draft[name], auth: auth[name] ?? "typed" };
    if (fields.weight) event.weight = { net_g: grams(fields), mode: "typed" };
    if (fields.parent) event.parent = { k: "qr", v: fields.parent };
    for (const name of ["category", "place", "manifest", "vehicle", "of", "reason"]) if (fields[name]) event[name] = fields[name];
    return event;
  }

  /** Ready for the next one: who collects, the load and the place stay, the other badge and the containers do not. */
  next() {
    const { step, by, auth, fields } = this.draft;
    const staying = Object.fromEntries(STAYING.filter((name) => fields[name]).map((name) => [name, fields[name]]));
    this.load({ step, by, auth: { by: auth.by }, fields: staying });
    this.changed(this.draft);
  }
}

/** Whole grams of what was typed, null where it is no weight: digits are moved, nothing is rounded. */
function grams({ weight, weight_unit: unit }) {
  const found = weight.replace(",", ".").match(unit === "g" ? /^(\d{1,8})$/ : /^(\d{1,5})(?:\.(\d{1,3}))?$/);
  if (found === null) return null;
  const whole = unit === "g" ? Number(found[1]) : Number(found[1]) * 1000 + Number((found[2] ?? "").padEnd(3, "0"));
  return whole > 0 ? whole : null;
}

/** What a code is for: paper carries the address of a manifest or container. */
function understood(field, text) {
  try {
    const [, kind, id] = new URL(text).pathname.match(/^\/(custody|manifests)\/([^/]+)$/) ?? [];
    if (kind) return { field: kind === "manifests" ? "manifest" : field === "parent" ? "parent" : "ids", text: decodeURIComponent(id) };
  } catch {
    // It is no address, so it is what it says.
  }
  if (text.startsWith("manifest:")) return { field: "manifest", text: text.slice(9) };
  return { field, text };
}

export const shownWeight = (event) => (event.weight ? `${kg(event.weight.net_g)} kg` : "");
