// What all parts of the page share: words, numbers, times, elements, calls.

const root = document.documentElement;
export const language = root.dataset.lang;
export const zone = root.dataset.zone;
export const texts = JSON.parse(document.getElementById("texts").textContent);

const locale = language === "zh" ? "zh-CN" : "en-GB";
const clockFormat = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const fullFormat = new Intl.DateTimeFormat(locale, {
  timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const dayFormat = new Intl.DateTimeFormat(locale, { timeZone: zone, month: "2-digit", day: "2-digit" });
const counted = new Intl.NumberFormat(locale);
const shownUnits = { degC: "°C", "uS/cm": "µS/cm", "m3/h": "m³/h", "uSv/h": "µSv/h", "1/m": "m⁻¹" };

export const byId = (id) => document.getElementById(id);
export const clock = (ms) => clockFormat.format(ms);
export const day = (ms) => dayFormat.format(ms);
export const moment = (ms) => fullFormat.format(ms);
export const count = (number) => counted.format(number);
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** A text in the reader's language of a name that is a text or one in each language. */
export function named(name) {
  if (name === null || name === undefined) return "";
  if (typeof name !== "object") return String(name);
  return name[language] || name.zh || name.en || "";
}

export function ago(ms, now) {
  const seconds = Math.round((now - ms) / 1000);
  if (seconds < 3) return texts.now;
  if (seconds < 90) return fill(texts.ago.s, { n: seconds });
  if (seconds < 90 * 60) return fill(texts.ago.m, { n: Math.round(seconds / 60) });
  if (seconds < 48 * 3600) return fill(texts.ago.h, { n: Math.round(seconds / 3600) });
  return fill(texts.ago.d, { n: Math.round(seconds / 86400) });
}

/** An element; a child is a node or a text, so nothing that a device sends is ever read as HTML. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name === "class_" ? "class" : name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

let catalogue = new Map();

export async function loadCatalogue() {
  const found = await ask("/api/v1/parameters");
  catalogue = new Map(found.items.map((one) => [one.name, one]));
}

export function titleOf(parameter, point) {
  const known = catalogue.get(parameter);
  const title = known ? known.title[language] : texts.custody.quantities[parameter] ?? parameter;
  return point && point !== "-" ? `${title} ${point}` : title;
}

export function unitOf(parameter) {
  const unit = catalogue.get(parameter)?.parameter_unit ?? "";
  return shownUnits[unit] ?? unit;
}

export function shown(parameter, value) {
  if (value === null || value === undefined) return "";
  const known = catalogue.get(parameter);
  if (known?.switch) return value >= 0.5 ? texts.on : texts.off;
  return value.toFixed(known ? known.decimals : 2);
}

/** A limit as it is written in the standard, without zeros at its end. */
export const plain = (value) => String(Number(value.toPrecision(6)));

export function limits(low, high) {
  if (low !== null && high !== null) return `${plain(low)}–${plain(high)}`;
  if (high !== null) return `≤ ${plain(high)}`;
  return low !== null ? `≥ ${plain(low)}` : "";
}

export function verdictOf(channel) {
  if (channel.verdict === "flag") return texts.verdicts.flag + (texts.flags[channel.flag] ?? channel.flag);
  return texts.verdicts[channel.verdict];
}

export class Refused extends Error {
  constructor(status, document) {
    super(document.reason ?? `HTTP ${status}`);
    this.status = status;
    this.allowed = (document.faults ?? []).map((fault) => fault.allowed).join("; ");
  }
}

export async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  const document = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Refused(answer.status, document);
  return document;
}

export const tell = (path, document) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(document) });
