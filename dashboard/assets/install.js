// A worker keeps the page for when the broker cannot be reached. Browsers allow
// one over HTTPS and on this machine only; elsewhere nothing is lost but that.
navigator.serviceWorker?.register("/worker.js").catch(() => {});
