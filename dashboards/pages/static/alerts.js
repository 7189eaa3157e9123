// The list of alerts in four plain states: follows by itself, filters, and acknowledges several at once.

import { addressOf, isLimit, limitOf, placeOf, ruleOf, severityOf, sinceOf, stateOf, valueOf, whoOf } from "./alert-words.js";
import { Frame, showToDo } from "./frame.js";
import { ask, byId, count, el, fill, moment, named, tell, texts, titleOf } from "./page.js";

const EVERY_MS = 3000;
const PER_PAGE = 50;
/** Commands under way at once when several alerts are acknowledged. */
const AT_ONCE = 4;
const CHOOSABLE = ["to_do", "to_confirm"];

const asked = new URLSearchParams(location.hash.slice(1));
const view = { group: texts.groups[asked.get("group")] ? asked.get("group") : "to_do", severity: "", district: "", unit: "", q: "", page: 0 };
const rows = new Map();
const chosen = new Set();
let busy = false;
const frame = new Frame(EVERY_MS, load, show);

function load() {
  const query = new URLSearchParams({ group: view.group, page: view.page, limit: PER_PAGE });
  for (const name of ["severity", "district", "unit", "q"]) if (view[name]) query.set(name, view[name]);
  return ask(`/api/v1/alert-board?${query}`);
}

function show(found) {
  view.page = found.page;
  const filtered = ["severity", "district", "unit", "q"].some((name) => view[name]);
  if (!filtered) showToDo(found.counts.to_do);
  byId("reset").hidden = !filtered;
  for (const tab of byId("tabs").children) {
    const number = found.counts[tab.dataset.group];
    tab.setAttribute("aria-selected", String(tab.dataset.group === view.group));
    tab.querySelector(".count").textContent = number ? count(number) + (number >= found.most ? "+" : "") : "";
  }
  choices(byId("district"), found.districts, view.district);
  choices(byId("unit"), found.units, view.unit);
  showRows(found, filtered);
  byId("pager").hidden = found.pages < 2;
  byId("page").textContent = fill(texts.page_of_alerts, { page: found.page + 1, pages: found.pages, count: count(found.counts[view.group]) });
  byId("previous").disabled = found.page === 0;
  byId("next").disabled = found.page >= found.pages - 1;
}

function choices(select, items, value) {
  const wanted = items.map((one) => one.id).join("\n");
  if (select.dataset.items === wanted) return;
  select.dataset.items = wanted;
  select.replaceChildren(select.options[0], ...items.map((one) => el("option", { value: one.id }, named(one.name) || one.id)));
  select.value = value;
}

/** Rows stay the same elements, so that focus, choice and scrolling stay where they are. */
function showRows(found, filtered) {
  const list = byId("rows");
  const choosable = CHOOSABLE.includes(view.group) && found.me.permissions.includes("handle");
  const ids = new Set(found.items.map((one) => one.id));
  for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
  for (const id of chosen) if (!ids.has(id) || !choosable) chosen.delete(id);
  if (!found.items.length) {
    const words = filtered ? texts.no_match_alerts : texts.no_alerts_in[view.group];
    list.replaceChildren(el("div", { class_: "empty" }, el("b", {}, words)));
  } else {
    const wanted = found.items.map((one) => row(one, found, choosable));
    if (list.children.length !== wanted.length || wanted.some((one, i) => list.children[i] !== one)) list.replaceChildren(...wanted);
  }
  byId("chosen").hidden = !choosable || !found.items.length;
  showChosen();
}

function row(alert, found, choosable) {
  let known = rows.get(alert.id);
  if (known === undefined) {
    const box = el("input", { type: "checkbox", "aria-label": `${texts.choose_one} ${placeOf(alert)}` });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(alert.id);
      else chosen.delete(alert.id);
      showChosen();
    });
    const link = el("a", { href: addressOf(alert.id) });
    known = { box, link, line: el("div", { class_: "row", role: "listitem", "data-alert": alert.id }, el("label", { class_: "pick" }, box), link), said: "" };
    rows.set(alert.id, known);
  }
  known.line.className = `row ${alert.severity}${choosable ? "" : " plain"}`;
  known.box.checked = chosen.has(alert.id);
  known.link.replaceChildren(...content(alert, found));
  return known.line;
}

function content(alert, found) {
  const notes = [];
  const what = el("span", { class_: "what" });
  // The rule says what of a container is the matter.
  if (alert.parameter) what.append(el("span", {}, alert.parameter.startsWith("custody.") ? alert.point : titleOf(alert.parameter, alert.point)));
  if (isLimit(alert)) {
    what.append(el("em", {}, `${alert.side === "low" ? "▼" : "▲"} ${valueOf(alert)}`), el("span", { class_: "limit" }, `${texts.limit_value} ${limitOf(alert)}`));
    notes.push(ruleOf(alert));
  } else {
    what.append(el("span", { class_: "rule" }, ruleOf(alert)));
    if (valueOf(alert)) what.append(el("span", { class_: "is" }, valueOf(alert)));
  }
  if (alert.assigned_to) notes.push(`${texts.assigned_to} ${whoOf(alert.assigned_to, found.names)}`);
  if (alert.acknowledged_by) notes.push(`${texts.acknowledged_by} ${whoOf(alert.acknowledged_by, found.names)}`);
  if (alert.shelved_until && alert.state === "shelved") notes.push(`${texts.until} ${moment(alert.shelved_until)}`);
  if (alert.cleared_at) notes.push(`${texts.cleared_at} ${moment(alert.cleared_at)}`);
  return [
    el("span", { class_: "mark" }, severityOf(alert.severity), view.group === "more" || alert.state === "latched" ? el("span", { class_: "pill" }, stateOf(alert.state)) : null),
    el("span", { class_: "where" }, el("b", {}, placeOf(alert)), el("small", {}, [named(alert.unit_name), named(alert.district_name)].filter(Boolean).join(" · ") || alert.device)),
    el("span", { class_: "broken" }, what, el("small", {}, notes.join(" · "))),
    el("span", { class_: "when" }, sinceOf(alert.since, found.now)),
  ];
}

function showChosen() {
  const all = byId("all");
  const number = chosen.size;
  all.checked = number > 0 && number === rows.size;
  all.indeterminate = number > 0 && number < rows.size;
  byId("chosen-count").textContent = number ? fill(texts.chosen_n, { n: count(number) }) : "";
  byId("acknowledge").disabled = busy || number === 0;
}

/** One command an alert: each has an answer of its own. */
async function acknowledge() {
  const waiting = [...chosen];
  const whole = waiting.length;
  const refused = [];
  let done = 0;
  busy = true;
  const batch = byId("batch");
  batch.hidden = false;
  const work = async () => {
    while (waiting.length) {
      const id = waiting.shift();
      try {
        await tell("/api/v1/commands", { command: "alerts.ack", args: { id } });
        chosen.delete(id);
        if (rows.has(id)) rows.get(id).box.checked = false;
      } catch (error) {
        refused.push(error.message);
      }
      done += 1;
      batch.textContent = fill(texts.batch_going, { done: count(done), whole: count(whole) });
      showChosen();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  busy = false;
  batch.textContent = fill(texts.batch_done, { n: count(whole - refused.length) }) + (refused.length ? ` ${fill(texts.batch_refused, { n: count(refused.length), why: refused[0] })}` : "");
  batch.classList.toggle("ok", refused.length === 0);
  frame.refresh();
}

function narrow(name, value) {
  view[name] = value;
  view.page = 0;
  frame.refresh();
}

let typing = 0;
byId("filter").addEventListener("input", (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => narrow("q", event.target.value.trim()), 200);
});
for (const name of ["severity", "district", "unit"]) byId(name).addEventListener("change", (event) => narrow(name, event.target.value));
byId("reset").addEventListener("click", () => {
  for (const name of ["severity", "district", "unit"]) byId(name).value = view[name] = "";
  byId("filter").value = "";
  narrow("q", "");
});
byId("tabs").addEventListener("click", (event) => {
  const tab = event.target.closest("[data-group]");
  if (tab === null) return;
  chosen.clear();
  byId("batch").hidden = true;
  history.replaceState(null, "", `#group=${tab.dataset.group}`);
  narrow("group", tab.dataset.group);
});
byId("all").addEventListener("change", (event) => {
  for (const [id, { box }] of rows) {
    box.checked = event.target.checked;
    if (event.target.checked) chosen.add(id);
    else chosen.delete(id);
  }
  showChosen();
});
function turnPage(by) {
  view.page += by;
  scrollTo(0, 0);
  frame.refresh();
}
byId("previous").addEventListener("click", () => turnPage(-1));
byId("next").addEventListener("click", () => turnPage(1));
byId("acknowledge").addEventListener("click", acknowledge);
frame.refresh();
