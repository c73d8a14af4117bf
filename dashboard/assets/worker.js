// The service worker, where the browser allows one: over HTTPS, and on this
// machine. It never shows an old page while the broker can be asked for the
// new one; without the broker, or if that is silent, it shows the last one,
// which says that it is offline.

const CACHE = "page";
// How long the broker may be silent, milliseconds.
const PATIENCE = 3000;
// A name that says what is in the file: the file never changes.
const HASHED = /-[0-9a-f]{16}\.\w+$/;

self.addEventListener("install", (event) => {
  // What the page has loaded before there was a worker.
  event.waitUntil(fetch("/").then(keep).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([self.registration.navigationPreload?.enable(), self.clients.claim()]));
});

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== location.origin) return;
  if (mode === "navigate") {
    if (pathname === "/") event.respondWith(page(event));
  } else if (HASHED.test(pathname)) {
    event.respondWith(caches.match(url).then((kept) => kept ?? fetch(event.request)));
  }
});

// From the broker, or else the last one. What comes too late is not kept: that
// would take away what the last one is loading.
async function page(event) {
  const answer = ask(event);
  event.waitUntil(answer.catch(() => {}));
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE)).then(() => caches.match("/"));
  try {
    const kept = await Promise.race([answer.then(() => {}), late]);
    if (kept) return kept;
    const fresh = await answer;
    if (fresh.ok) event.waitUntil(keep(fresh.clone()));
    return fresh;
  } catch (error) {
    const kept = await caches.match("/");
    if (!kept) throw error;
    return kept;
  }
}

async function ask(event) {
  return (await event.preloadResponse) ?? fetch(event.request);
}

// Keeps a page with all that it loads, and then forgets what others loaded. A
// page of which something is missing is not kept: the one before is whole.
async function keep(answer) {
  if (!answer.ok) return;
  const html = await answer.clone().text();
  const files = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  const cache = await caches.open(CACHE);
  const missing = [];
  for (const path of files) {
    if (!HASHED.test(path) || !(await cache.match(path))) missing.push(path);
  }
  await cache.addAll(missing);
  await cache.put("/", answer);
  for (const { url } of await cache.keys()) {
    const { pathname } = new URL(url);
    if (pathname !== "/" && !files.includes(pathname)) await cache.delete(url);
  }
}
