// The service worker, where the browser allows one: over HTTPS, and on this
// machine. It never shows an old page while the broker can be asked for the
// new one; without the broker it shows the last one, which says that it is
// offline.

const CACHE = "page";
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

// From the broker, or else the last one.
async function page(event) {
  try {
    const answer = (await event.preloadResponse) ?? (await fetch(event.request));
    if (answer.ok) event.waitUntil(keep(answer.clone()));
    return answer;
  } catch (error) {
    const kept = await caches.match("/");
    if (!kept) throw error;
    return kept;
  }
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
