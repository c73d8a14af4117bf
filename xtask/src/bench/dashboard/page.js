// What the page of `cargo xtask bench dashboard` notes of itself while it is
// opened and used; `bench.opened()` and `bench.jank()` tell.
{
  const noted = { shift: 0, long: 0, longest: 0 };
  const observe = (type, each) =>
    new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
  observe('largest-contentful-paint', (entry) => (noted.largest = entry.startTime));
  observe('layout-shift', (entry) => { if (!entry.hadRecentInput) noted.shift += entry.value; });
  observe('longtask', ({ duration }) => {
    noted.long++;
    noted.longest = Math.max(noted.longest, duration);
  });
  const value = () => document.querySelector('article[data-topic] .value');
  const watch = new MutationObserver(() => {
    if (!value()) return;
    watch.disconnect();
    // The frame that has it is over when the one after it begins.
    requestAnimationFrame(() => requestAnimationFrame(() => (noted.value = performance.now())));
  });
  watch.observe(document, { subtree: true, childList: true });

  const settled = async () => {
    while (noted.value === undefined) await new Promise((done) => setTimeout(done, 20));
    await new Promise((done) => setTimeout(done, 500));
  };
  globalThis.bench = {
    async opened() {
      await settled();
      const files = performance.getEntriesByType('resource');
      const counts = files.filter(({ name }) => /\.(wasm|js|css)$/.test(name));
      return {
        bytes: counts.reduce((sum, file) => sum + file.encodedBodySize, 0),
        paint: performance.getEntriesByName('first-paint')[0].startTime,
        value: noted.value,
        largest: noted.largest,
        shift: noted.shift,
      };
    },
    // A mark that moves without the page's own thread: each frame has something
    // to show, and is whole if nothing of the page's own is missing in it.
    beat() {
      this.mark = document.createElement('i');
      const look = { position: 'fixed', top: 0, left: 0, zIndex: 9, width: '2px', height: '2px', background: 'black' };
      Object.assign(this.mark.style, look);
      document.documentElement.append(this.mark);
      const steps = [{ transform: 'translateX(0)' }, { transform: 'translateX(300px)' }];
      this.mark.animate(steps, { duration: 5000, iterations: Infinity, direction: 'alternate' });
    },
    rest() {
      this.mark.remove();
    },
    jank() {
      const now = { ...noted };
      Object.assign(noted, { shift: 0, long: 0, longest: 0 });
      return now;
    },
  };
}
