// What a person does to an alert: a button each, and a small form. Every one becomes a journal record.

import { whoOf } from "./alert-words.js";
import { ask, byId, el, tell, texts } from "./page.js";
import { sha256 } from "./sha256.js";

const MINUTE = 60000;
const SHELVES = [30, 60, 120, 240, 480, 1440];
const WORKS = ["clean", "calibrate", "comparison", "repair", "outage"];
const WORK_TIMES = [30, 60, 120, 240, 480];

const minutes = (one) => (one < 60 ? `${one} ${texts.minutes}` : `${one / 60} ${texts.hours}`);
const label = (words, input) => el("label", {}, words, input);
const options = (pairs, name) => el("select", { name, required: true }, ...pairs.map(([value, words]) => el("option", { value }, words)));
const remark = (required) => label(required ? texts.remark_needed : texts.remark, el("textarea", { name: "comment", rows: 3, maxlength: 2000, required }));

/** What may be done in a state: [name, permission, fields(alert), args(form)]. The first is the main one. */
function actsOf(alert, session) {
  const open = alert.state !== "closed";
  const acts = [];
  const add = (name, permission, fields = () => [remark(false)], args = () => ({})) => acts.push({ name, permission, fields, args });
  if (open && alert.acknowledged_by === null) add("ack", "handle");
  add("comment", "handle", () => [remark(true)]);
  if (open) add("assign", "handle", people, (form) => ({ to: form.elements.to.value }));
  if (["active", "acknowledged", "returned"].includes(alert.state)) add("shelve", "handle", () => shelf(alert), shelfArgs);
  if (alert.state === "shelved") add("unshelve", "handle");
  if (open) add("close", "manage", reasons, (form) => ({ reason: form.elements.reason.value }));
  if (open && alert.state !== "out_of_service") add("out_of_service", "manage", () => [remark(true)]);
  if (alert.state === "out_of_service") add("in_service", "manage");
  if (alert.device && alert.device !== "gateway") {
    if (session) add("maintenance_close", "manage");
    else add("maintenance_open", "manage", work, (form) => ({ kind: form.elements.kind.value, for_ms: Number(form.elements.for.value) * MINUTE }));
  }
  return acts;
}

const people = (alert) => [
  label(texts.assign_to, el("select", { name: "to" }, ...alert.candidates.map((one) => el("option", { value: one.id, selected: one.id === alert.assigned_to }, [whoOf(one.id, { [one.id]: alert.names[one.id] ?? "" }) || one.id, texts.person_roles[one.role] ?? one.role].filter(Boolean).join(" · "))), el("option", { value: "" }, texts.nobody))),
  remark(false),
];
const shelf = (alert) => [
  label(texts.shelve_for, options([...(alert.condition ? [["once", texts.shelve_once]] : []), ...SHELVES.map((one) => [one, minutes(one)])].reverse(), "for")),
  remark(false),
];
const shelfArgs = (form) => (form.elements.for.value === "once" ? { one_shot: true } : { for_ms: Number(form.elements.for.value) * MINUTE });
const reasons = () => [
  label(texts.close_reason, options(Object.entries(texts.close_reasons), "reason")),
  remark(false),
  label(texts.attach, el("input", { type: "file", name: "file" })),
];
const work = () => [
  label(texts.session_kind, options(WORKS.map((one) => [one, texts.session_kinds[one]]), "kind")),
  label(texts.session_for, options(WORK_TIMES.map((one) => [one, minutes(one)]), "for")),
  remark(false),
];

/** The bytes go first, under their hash; the command then names the hash. */
async function handIn(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const hash = await sha256(bytes);
  await ask(`/api/v1/files/${hash}`, { method: "PUT", headers: { "Content-Type": file.type || "application/octet-stream" }, body: bytes });
  return hash;
}

export class Acts {
  /** `again` asks for the alert anew; `signIn` opens the form to sign in. */
  constructor(again, signIn) {
    this.again = again;
    this.signIn = signIn;
    this.alert = null;
    this.act = null;
    this.shown = "";
    byId("action").querySelector("form").addEventListener("submit", (event) => this.go(event));
  }

  /** `me` may be a viewer: then the page says what would be needed. */
  show(alert, me) {
    this.alert = alert;
    const session = alert.sessions.find((one) => one.closed_at === null);
    const all = actsOf(alert, session);
    const allowed = all.filter((one) => me.permissions.includes(one.permission));
    const said = JSON.stringify([allowed.map((one) => one.name), me.how]);
    if (said === this.shown) return;
    this.shown = said;
    const buttons = allowed.map((one, i) => el("button", { type: "button", class_: i === 0 && one.name === "ack" ? "main" : null, "data-act": one.name, onclick: () => this.open(one) }, texts.actions[one.name]));
    if (!buttons.length) {
      if (me.how === "nobody") buttons.push(el("button", { type: "button", class_: "main", onclick: this.signIn }, texts.sign_in_to_act));
      else buttons.push(el("span", { class_: "calm" }, texts.may_only_look));
    }
    byId("act").replaceChildren(...buttons);
  }

  open(act) {
    this.act = act;
    const form = byId("action").querySelector("form");
    byId("action-title").textContent = texts.actions[act.name];
    byId("action-go").textContent = texts.actions[act.name];
    form.querySelector(".fields").replaceChildren(el("p", { class_: "sub" }, texts.action_hints[act.name]), ...act.fields(this.alert));
    form.querySelector(".wrong").hidden = true;
    byId("action").showModal();
  }

  async go(event) {
    event.preventDefault();
    const form = event.target;
    const { act, alert } = this;
    const button = byId("action-go");
    button.disabled = true;
    try {
      const maintenance = act.name.startsWith("maintenance_");
      const args = { ...(maintenance ? { device: alert.device } : { id: alert.id }), ...act.args(form) };
      const comment = form.elements.comment?.value.trim();
      if (comment) args.comment = comment;
      const file = form.elements.file?.files[0];
      if (file) args.file = await handIn(file);
      const answer = await tell("/api/v1/commands", { command: maintenance ? act.name.replace("_", ".") : `alerts.${act.name}`, args });
      byId("action").close();
      const said = byId("said");
      said.textContent = `${texts.actions[act.name]}: ${answer.status === 202 ? texts.command_waits : texts.command_done}`;
      said.classList.toggle("ok", answer.status !== 202);
      said.hidden = false;
      this.again();
    } catch (error) {
      const wrong = form.querySelector(".wrong");
      wrong.textContent = [error.message, error.allowed].filter(Boolean).join(": ");
      wrong.hidden = false;
    } finally {
      button.disabled = false;
    }
  }
}
