// The clock, and looking at the document. A part of the walker: see walker.js.
const MAX_TEXT = 80, MAX_LINES = 12, MAX_NODES = 20000;
const cut = (text, most = MAX_TEXT) => { const line = String(text ?? '').replace(/\s+/g, ' ').trim(); return line.length > most ? line.slice(0, most - 1) + '…' : line; };
let reply = null;
const onReply = (event) => { reply = event.detail; };
function ask(what, target = window) {
  window.addEventListener(secret + 'r', onReply);
  reply = null;
  target.dispatchEvent(new CustomEvent(secret, { detail: what, composed: true }));
  if (typeof reply !== 'string') {
    // document.open() during the call took this world's listener too; the hook keeps its last answer.
    window.addEventListener(secret + 'r', onReply);
    window.dispatchEvent(new CustomEvent(secret, { detail: { do: 'again' } }));
  }
  if (typeof reply !== 'string') throw new Error('refine: the page took its hooks away');
  return JSON.parse(reply);
}
const channel = new MessageChannel();
let wake = null;
channel.port1.onmessage = () => wake && wake();
const turn = () => new Promise((done) => { wake = done; channel.port2.postMessage(0); });
const realFrame = () => new Promise((done) => { requestAnimationFrame(() => done()); setTimeout(done, 1000); });

// --- The clock -----------------------------------------------------------------------------------------------------
// Without a graphics card a frame of WebGL takes its time: such pages get twenty frames a second.
const FRAME = 1000 / 60, GL_FRAME = 50, MAX_STEPS = 3000, MAX_REAL_MS = 6000, MAX_WALK_MS = 20000;
let usual = FRAME, told = performance.now();
const alive = () => { if (performance.now() - told > 500) { told = performance.now(); refineSay('{"tick":1}'); } };
const noticed = { storm: false, slow: false, gone: false };
let lastCanvas = null;
async function run(ms, { frame = usual, sample = false, onStep = null } = {}) {
  const start = ask({ do: 'now' }), end = start + ms, started = performance.now();
  for (let steps = 0; ; steps++) {
    const step = ask({ do: 'step', end, frame, sample });
    if (step.canvas) lastCanvas = step.canvas;
    await turn();
    alive();
    if (onStep && onStep(step.now - start, step)) return step.now - start;
    if (!step.more) return step.now - start;
    if (steps > MAX_STEPS) { noticed.storm = true; return step.now - start; }
    if (performance.now() - started > MAX_REAL_MS) { noticed.slow = true; return step.now - start; }
  }
}
// Finite animations and transitions end at once, endless ones stand at their start.
async function still() {
  const running = document.getAnimations();
  if (!running.length) return;
  for (const each of running.slice(0, 500)) {
    try {
      const { endTime } = each.effect.getComputedTiming();
      if (Number.isFinite(endTime)) each.finish(); else { each.pause(); each.currentTime = 0; }
    } catch { /* an animation that cannot be moved */ }
  }
  await realFrame();
}

// --- Looking at the document ---------------------------------------------------------------------------------------
function* walk(root, limit = { left: MAX_NODES }) {
  for (const element of root.querySelectorAll('*')) {
    if (limit.left-- <= 0) return;
    yield element;
    if (element.shadowRoot) yield* walk(element.shadowRoot, limit);
  }
}
const VISIBLE = { opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true };
const isShown = (element) => element.isConnected && element.checkVisibility(VISIBLE) && element.getClientRects().length > 0;
function nameOf(element) {
  const labelled = element.getAttribute('aria-label') || (element.labels && element.labels[0] && element.labels[0].innerText);
  const own = element.localName === 'select' || element.localName === 'textarea' ? '' : element.innerText;
  const value = element.localName === 'input' && ['button', 'submit', 'reset'].includes(element.type) ? element.value : '';
  return cut(labelled || own || value || element.getAttribute('title') || element.getAttribute('placeholder') || element.getAttribute('alt') || element.getAttribute('name') || element.id || '', 40);
}
function selectorOf(element) {
  const parts = [];
  for (let at = element; at && at.nodeType === 1 && parts.length < 5; at = at.parentElement) {
    if (at.id && at.id.length < 40) { parts.unshift('#' + CSS.escape(at.id)); break; }
    const same = at.parentElement ? [...at.parentElement.children].filter((each) => each.localName === at.localName) : [at];
    parts.unshift(at.localName + (same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : ''));
  }
  return parts.join(' > ').slice(0, 200);
}
function tagOf(element) {
  const kind = element.localName === 'input' ? `input[type=${element.type}]` : element.localName;
  return cut(kind, 40);
}
function lines() {
  const body = document.body;
  if (!body) return [];
  const text = document.getElementsByTagName('*').length > 8000 ? body.textContent : body.innerText;
  return text.slice(0, 200000).split('\n').map((line) => cut(line, 200)).filter(Boolean);
}
function hash(text) {
  let a = 0xdeadbeef, b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) { const c = text.charCodeAt(i); a = Math.imul(a ^ c, 2654435761); b = Math.imul(b ^ c, 1597334677); }
  return ((b >>> 0).toString(16).padStart(8, '0')) + ((a >>> 0).toString(16).padStart(8, '0'));
}
