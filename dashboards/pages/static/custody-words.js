// How containers, their events and weights are put into words, the same on all pages of custody.

import { duration } from "./alert-words.js";
import { count, el, fill, named, texts } from "./page.js";

export const words = texts.custody;
const marks = { ok: "●", info: "◔", warning: "△", major: "!", critical: "‼" };

export const traceOf = (id) => `/custody/${encodeURIComponent(id)}`;
export const manifestOf = (id) => `/manifests/${encodeURIComponent(id)}`;
export const stateOf = (state) => words.states[state] ?? state;
export const stepOf = (step) => words.steps[step] ?? step;
export const categoryOf = (category) => words.categories[category ?? ""] ?? category;
export const flagOf = (flag) => words.flags[flag] ?? words.quantities[`custody.${flag}`] ?? flag;
export const quantityOf = (quantity) => words.quantities[quantity] ?? quantity;

/** Grams as kilograms with all three places: a scale's own figure, nothing rounded. */
export function kg(grams) {
  if (grams === null || grams === undefined) return "–";
  const whole = Math.abs(grams);
  return `${grams < 0 ? "−" : ""}${count(Math.floor(whole / 1000))}.${String(whole % 1000).padStart(3, "0")}`;
}

export const signed = (grams) => (grams > 0 ? `+${kg(grams)}` : kg(grams));
export const weight = (grams) => (grams === null || grams === undefined ? "–" : `${kg(grams)} kg`);

const badState = new Set(["quarantined", "lost", "refused"]);
export const statePill = (state) => el("span", { class_: `pill ${badState.has(state) ? "out" : state === "held" ? "held" : state === "destroyed" ? "ok" : "state"}` }, stateOf(state));

/** How long something has been in a store, against the limit, in a colour and in words. */
export function agePill(age, level, next, limit) {
  if (age === null || age === undefined) return null;
  return el("span", { class_: `pill age ${level}` }, `${marks[level] ?? ""} ${fill(words.age, { age: lasting(age) })}${ageRest(age, next, limit)}`);
}

function ageRest(age, next, limit) {
  if (limit === null || limit === undefined) return "";
  if (age >= limit) return ` · ${fill(words.over_by, { limit: hours(limit), over: lasting(age - limit) })}`;
  return ` · ${fill(words.left, { limit: hours(limit), left: lasting(limit - age) })}`;
}

/** Limits are in hours, so ages are as well, up to four days. */
export const lasting = (ms) => (ms >= 5400000 && ms < 345600000 ? hours(ms) : duration(ms));
export const hours = (ms) => fill(words.hours, { n: Math.round(ms / 360000) / 10 });
export const levelOf = (level) => words.level[level] ?? level;
export const markOf = (level) => marks[level] ?? "";

/** Whose badge it was: the name where the reader may see it, the badge, role and unit. */
export function partyOf(party, names) {
  if (party === null || party === undefined || (!party.badge && !party.person)) return null;
  const who = names.people[party.person] ? `${names.people[party.person]} (${party.badge || party.person})` : party.person ? `${party.person} (${party.badge})` : fill(words.unknown_party, { badge: party.badge });
  const more = [texts.person_roles[party.role] ?? party.role, nameIn(names.units, party.unit)].filter(Boolean).join(" · ");
  return el("span", { class_: "party" }, who, more ? el("small", {}, ` ${more}`) : null);
}

export const nameIn = (names, id) => named(names?.[id]) || id || "";
