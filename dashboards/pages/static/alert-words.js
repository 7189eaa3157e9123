// How an alert is put into words, the same in the list, on its page and among the figures.

import { ago, el, fill, moment, named, plain, shown, texts, titleOf, unitOf } from "./page.js";

export const icons = { critical: "‼", major: "!", warning: "△", info: "i" };

export const severityOf = (severity) => el("span", { class_: `pill ${severity}` }, `${icons[severity] ?? ""} ${texts.severities[severity] ?? severity}`);
export const stateOf = (state) => texts.states[state] ?? state;
export const addressOf = (id) => `/alerts/${encodeURIComponent(id)}`;
export const placeOf = (alert) => named(alert.place_name) || alert.place || (alert.pack === "gateway" ? texts.gateway : alert.device);
export const ruleOf = (alert) => named(alert.rule_title) || texts.rules[alert.rule] || alert.rule;

/** A value with its unit; that which broke the limit unless another is given. */
export function valueOf(alert, value = alert.bad_value) {
  if (value === null || value === undefined) return "";
  if (alert.parameter.startsWith("custody.")) return custodyValue(alert.parameter, value);
  const unit = alert.parameter ? unitOf(alert.parameter) || alert.parameter_unit : "";
  const number = alert.parameter ? shown(alert.parameter, value) : plain(value);
  return unit ? `${number} ${unit}` : number;
}

/** Most conditions of custody hold or do not: then the number says nothing. */
function custodyValue(quantity, value) {
  if (quantity === "custody.late_report") return duration(value * 1000);
  return ["custody.weight_difference", "custody.production"].includes(quantity) ? `× ${plain(Math.round(value * 100) / 100)}` : "";
}

export const limitOf = (alert) => (alert.limit_value === null ? "" : [plain(alert.limit_value), unitOf(alert.parameter) || alert.parameter_unit].filter(Boolean).join(" "));

/** Whether a value broke a number: then the value says more than the name of the rule. */
export const isLimit = (alert) => ["", "limit"].includes(alert.kind ?? "") && alert.parameter !== "" && alert.side !== "";

/** What is wrong, in one sentence: a node whose figures stand out. */
export function sentence(alert) {
  const parts = { place: placeOf(alert), device: alert.device, rule: ruleOf(alert), parameter: alert.parameter ? titleOf(alert.parameter, alert.point) : "", value: valueOf(alert), limit: limitOf(alert) };
  const other = alert.pack === "gateway" ? "gateway" : alert.parameter ? "channel" : "device";
  const kind = isLimit(alert) ? alert.side : other;
  const made = el("span", { class_: "sentence" });
  for (const piece of texts.sentences[kind].split(/(\{\w+\})/)) {
    const name = piece.match(/^\{(\w+)\}$/)?.[1];
    if (name === undefined) made.append(piece);
    else made.append(name === "value" ? el("em", {}, parts[name]) : el("b", {}, parts[name]));
  }
  return made;
}

/** How long something lasts, in words. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return fill(texts.lasts.s, { n: seconds });
  if (seconds < 90 * 60) return fill(texts.lasts.m, { n: Math.round(seconds / 60) });
  if (seconds < 48 * 3600) return fill(texts.lasts.h, { n: Math.round(seconds / 360) / 10 });
  return fill(texts.lasts.d, { n: Math.round(seconds / 8640) / 10 });
}

/** When it began: how long ago, and the moment itself. */
export const sinceOf = (ms, now) => el("time", { datetime: new Date(ms).toISOString() }, el("b", {}, ago(ms, now)), el("small", {}, moment(ms)));

/** Who did something: a rule, a person by name where the reader may see it, an account, or the time. */
export function whoOf(by, names = {}) {
  if (!by) return "";
  const [kind, rest] = [by.slice(0, by.indexOf(":")), by.slice(by.indexOf(":") + 1)];
  if (kind === "person" || names[by]) {
    const id = kind === "person" ? rest : by;
    return names[id] ? `${names[id]} (${id})` : id;
  }
  if (kind === "rule") return texts.by.rule;
  if (kind === "account") return rest;
  return texts.by[by] ?? by;
}
