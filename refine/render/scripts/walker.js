// Runs in a world of its own, whose globals the page cannot touch; it shares only the document with the page. It drives
// the page's clock, looks at what stands there, presses every control once and tells what came of it.
// The parts are put in here in order, into one scope, by refine.render.visit.
(secret) => {
  if (window !== window.top) return;
  /* PARTS: looking.js pressing.js walking.js flashing.js */
  globalThis.refineApi = api;
}
