// The scan page: a phone as a terminal, with or without a connection.

import { Frame } from "./frame.js";
import { byId, count, el, fill, named, texts } from "./page.js";
import { Camera } from "./scan-camera.js";
import { EventForm } from "./scan-form.js";
import { Queue, Sender } from "./scan-queue.js";
import { shownEvents } from "./scan-shown.js";

const words = texts.scan;
const EVERY_MS = 10000;
const CHOICES_MS = 300000;
const PATIENCE_MS = 10000;
/** Whoever pressed the button does not wait longer for what the page can do without. */
const LOOK_UP_MS = 2500;
/** One button takes them in this order; containers until somebody says that it is enough. */
const TURN = ["by", "with", "ids"];
const queue = await Queue.open().catch((error) => {
  byId("lost").textContent = fill(words.not_kept, { words: error?.message ?? error });
  byId("lost").hidden = false;
  throw error;
});
let known = (await queue.note("known")) ?? { me: null, terminals: [], places: [], at: 0 };
let device = (await queue.note("device")) ?? "";
let reached = navigator.onLine;
let signedOut = false;

const form = new EventForm((draft) => {
  explain("kept", "");
  explain("wrong", "");
  queue.keep("draft", draft);
});
form.load((await queue.note("draft")) ?? {});
const sender = new Sender(queue, () => standing());
const frame = new Frame(EVERY_MS, load, () => standing());
frame.catalogue = true; // it shows no readings, and a phone without a connection cannot ask for their names

/** Never fails: without a connection the page goes on with what it knows. */
async function load() {
  try {
    known.me = await heard("/api/v1/me");
    reached = true;
    signedOut = false;
    if (known.me.must_change) frame.account.openChange(true);
    else if (Date.now() - known.at > CHOICES_MS) await choices();
    await queue.keep("known", known);
    sender.send();
  } catch (error) {
    signedOut = error.status === 401;
    reached = error.status !== undefined;
    if (signedOut) known.me = null;
  }
  return { me: known.me, now: queue.now() };
}

async function heard(path, patience = PATIENCE_MS) {
  const asked = Date.now();
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(patience) });
  await queue.setClock(answer, asked);
  if (!answer.ok) throw Object.assign(new Error(path), { status: answer.status });
  return answer.json();
}

async function listed(path) {
  const found = [];
  for (let after = ""; after !== null;) {
    const page = await heard(`${path}?limit=2000${after && `&after=${encodeURIComponent(after)}`}`);
    found.push(...page.items);
    after = page.next;
  }
  return found;
}

async function choices() {
  const [devices, places] = await Promise.all([listed("/api/v1/devices"), listed("/api/v1/places")]);
  const placeNames = new Map(places.map((one) => [one.id, named(one.name) || one.id]));
  known.terminals = devices.filter((one) => one.kind === "terminal").map((one) => [one.id, [named(one.name), placeNames.get(one.place) ?? one.place].filter(Boolean).join(" · ")]);
  known.places = [...placeNames];
  known.at = Date.now();
  shownChoices();
}

function shownChoices() {
  form.places(known.places);
  byId("devices").replaceChildren(...known.terminals.map(([id, name]) => el("option", { value: id }, name)));
  byId("picks").replaceChildren(...(known.terminals.length > 12 ? [] : known.terminals).map(([id, name]) => el("button", { type: "button", value: id }, el("b", {}, id), el("small", {}, name))));
}

async function standing() {
  const entries = await queue.all();
  const waiting = entries.filter((one) => one.answer === null).length;
  const offline = !reached || sender.state === "offline";
  byId("online").textContent = offline ? words.offline : words.online;
  byId("online").className = `pill ${offline ? "behind" : "ok"}`;
  byId("waiting").textContent = waiting ? fill(words.waiting, { n: count(waiting) }) : words.none_waiting;
  byId("waiting").dataset.number = waiting;
  const name = new Map(known.terminals).get(device);
  byId("terminal").textContent = device ? `${device}${name ? ` · ${name}` : ""} ▾` : `${words.choose_terminal} ▾`;
  const needed = waiting > 0 && (signedOut || sender.state === "signed_out");
  byId("to-sign-in").hidden = !needed && !signedOut;
  const trouble = sender.state === "trouble" && waiting ? fill(words.trouble, { words: words.reasons[sender.words] ?? sender.words }) : "";
  byId("trouble").textContent = trouble;
  byId("trouble").hidden = !trouble;
  byId("events").replaceChildren(...shownEvents(entries, seen));
}

async function seen(entry) {
  await queue.change(entry, { seen: true });
  standing();
}

function chooseTerminal() {
  const dialog = byId("choose");
  dialog.querySelector("input").value = device;
  dialog.showModal();
}

async function terminal(id) {
  device = id.trim();
  byId("choose").close();
  await queue.keep("device", device);
  explain("wrong", "");
  standing();
}

function explain(id, text) {
  byId(id).textContent = text;
  byId(id).hidden = !text;
}

/** A confirmation speaks of an event: with a connection the page finds the one whose hand-over is open. */
async function handedOver(content) {
  if (content.step !== "confirm" || content.of || content.manifest || content.ids.length !== 1 || !reached) return content;
  try {
    const found = await heard(`/api/v1/containers/${encodeURIComponent(content.ids[0].v)}`, LOOK_UP_MS);
    const open = found.events.find((one) => one.offset === found.handover);
    return open ? { ...content, of: open.id } : content;
  } catch {
    return content; // not seen, or no connection after all: recorded as it was scanned
  }
}

async function record(event) {
  event.preventDefault();
  form.typed();
  explain("kept", "");
  if (!device) {
    chooseTerminal();
    return;
  }
  const fault = form.fault();
  explain("wrong", fault);
  if (fault) return;
  const button = form.form.querySelector(".record");
  button.disabled = true;
  try {
    const minted = await queue.record(device, await handedOver(form.content()));
    form.next();
    explain("kept", fill(words.kept, { id: minted.id }));
    navigator.vibrate?.(60);
  } catch (error) {
    explain("wrong", fill(words.not_kept, { words: error?.message ?? error }));
  } finally {
    button.disabled = false;
  }
  await standing();
  sender.send();
}

const camera = new Camera(byId("video"), (text) => take(text));
let target = "ids";
let inTurn = false;

async function openCamera(field, turn) {
  target = field;
  inTurn = turn;
  const dialog = byId("camera");
  const wrong = dialog.querySelector(".wrong");
  wrong.hidden = true;
  byId("lamp").hidden = true;
  byId("read").textContent = "";
  aim();
  if (!dialog.open) dialog.showModal();
  try {
    await camera.start();
    byId("lamp").hidden = camera.lamp === null;
  } catch (error) {
    wrong.textContent = words.camera_faults[error.name] ?? fill(words.camera_faults.other, { words: error.message || error.name });
    wrong.hidden = false;
  }
}

function aim() {
  byId("camera-title").textContent = fill(words.aim, { what: words[target] });
  byId("skip").hidden = !inTurn || target === "ids";
}

function take(text) {
  const fresh = form.meet(target, text);
  navigator.vibrate?.(fresh ? 80 : [30, 40, 30]);
  byId("read").textContent = `${fresh ? "✓" : words.again} ${words[target]}: ${text}`;
  if (inTurn && target !== "ids") goOn();
  else if (target !== "ids") byId("camera").close();
}

function goOn() {
  target = TURN[TURN.indexOf(target) + 1];
  aim();
}

byId("camera").addEventListener("close", () => camera.stop());
byId("skip").addEventListener("click", goOn);
byId("lamp").addEventListener("click", async () => {
  const { torch } = camera.lamp.getSettings();
  await camera.lamp.applyConstraints({ advanced: [{ torch: !torch }] });
});
byId("scan-all").addEventListener("click", () => openCamera(TURN.find((name) => name === "ids" || !form.draft[name]), true));
form.form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-scan]");
  if (button) openCamera(button.dataset.scan, false);
});
form.form.addEventListener("submit", record);
byId("terminal").addEventListener("click", chooseTerminal);
byId("to-sign-in").addEventListener("click", () => {
  frame.account.show(null); // whoever it was is not signed in any more
  frame.account.press();
});
byId("picks").addEventListener("click", (event) => {
  const pick = event.target.closest("button");
  if (pick) terminal(pick.value);
});
byId("choose").querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  terminal(event.target.elements.device.value);
});
addEventListener("online", () => frame.refresh());
addEventListener("offline", () => {
  reached = false;
  standing();
});

byId("insecure").hidden = isSecureContext;
navigator.storage?.persist?.();
navigator.serviceWorker?.register("/scan-worker.js", { scope: "/scan" });
shownChoices();
byId("main").hidden = false;
await standing();
await frame.refresh();
if (!device) chooseTerminal();
