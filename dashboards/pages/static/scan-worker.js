// Keeps the scan page on the phone: what the gateway gives last is shown when the gateway cannot be reached.
// Only the page and its files; what is recorded is kept by the page itself (scan-queue.js).

const CACHE = "hygeia-scan-1";
const PATIENCE_MS = 3000;
const FILES = [
  "/scan",
  ...["icon.svg", "live.css", "alerts.css", "custody.css", "scan.css", "theme.js", "page.js", "frame.js", "account.js",
    "alert-words.js", "custody-words.js", "scan.js", "scan-camera.js", "scan-form.js", "scan-queue.js", "scan-shown.js",
    "vendor/qr/decode.js", "vendor/qr/index.js"].map((name) => `/static/${name}`),
];
/** Beyond loopback the page comes with 401 where nobody is signed in: it is the same page. */
const good = (answer) => answer.ok || answer.status === 401;

self.addEventListener("install", (event) => event.waitUntil(keepAll()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method === "GET" && origin === self.location.origin && FILES.includes(pathname)) event.respondWith(newest(event, pathname));
});

async function keepAll() {
  const cache = await caches.open(CACHE);
  await Promise.all(FILES.map(async (path) => {
    const answer = await fetch(path, { cache: "no-store", credentials: "same-origin" });
    if (!good(answer)) throw new Error(`${path}: ${answer.status}`);
    await cache.put(path, answer);
  }));
  await self.skipWaiting();
}

async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith("hygeia-scan-") && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

/** What the gateway gives; what is kept, where it does not answer within some seconds. */
async function newest(event, path) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(path, { ignoreVary: true });
  const asked = fetch(event.request).then(async (answer) => {
    if (good(answer)) await cache.put(path, answer.clone());
    return answer;
  });
  if (kept === undefined) return asked;
  event.waitUntil(asked.catch(() => {}));
  const late = new Promise((resolve) => setTimeout(() => resolve(kept), PATIENCE_MS));
  return Promise.race([asked.then((answer) => (good(answer) ? answer : kept), () => kept), late]);
}
