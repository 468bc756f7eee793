// Runs in the page's own world before any script of the page: a virtual clock, seeded chance, dialogs that do not block,
// and a log of what happened. It answers the walker, which lives in a world of its own, by events with a secret name.
// Everything it uses later is taken out of reach of the page first; a page may redefine any global.
(secret, seed) => {
  if (window !== window.top) return;
  const uncurry = (f) => Function.prototype.call.bind(f);
  const win = window, doc = document;
  const nativeAdd = EventTarget.prototype.addEventListener;
  const add = uncurry(nativeAdd);
  const dispatch = uncurry(EventTarget.prototype.dispatchEvent);
  const pathOf = uncurry(Event.prototype.composedPath);
  const detailOf = uncurry(Object.getOwnPropertyDescriptor(CustomEvent.prototype, 'detail').get);
  const Custom = CustomEvent, NativeDate = Date, NativeError = Error;
  const { stringify } = JSON;
  const { floor, imul, min, max } = Math;
  const { construct, apply } = Reflect;
  const text = String, indirectEval = win.eval, Weak = WeakMap, report = win.reportError.bind(win);
  const weakGet = uncurry(Weak.prototype.get), weakSet = uncurry(Weak.prototype.set);
  const slice = uncurry(String.prototype.slice);
  const toText = uncurry(Object.prototype.toString);
  const query = uncurry(Document.prototype.querySelectorAll);
  const MAX_ENTRIES = 300, MAX_TEXT = 400;

  // --- Log ---------------------------------------------------------------------------------------------------------
  let log = [], dropped = 0, counts = {}, phase = 'load';
  const cut = (value) => { const s = typeof value === 'string' ? value : safeText(value); return s.length > MAX_TEXT ? slice(s, 0, MAX_TEXT) + '…' : s; };
  function safeText(value) {
    try {
      if (value === null || typeof value !== 'object' && typeof value !== 'function') return text(value);
      if (value instanceof NativeError) return text(value.name) + ': ' + text(value.message);
      if (typeof value === 'function') return '[function]';
      return toText(value);
    } catch { return '[unreadable]'; }
  }
  function note(kind, message, more) {
    counts[kind] = (counts[kind] || 0) + 1;
    if (log.length >= MAX_ENTRIES) { dropped++; return; }
    const entry = { kind, text: cut(message), at: floor(now), phase };
    if (more) { entry.where = cut(more.where || ''); entry.line = more.line || 0; }
    log[log.length] = entry;
  }

  // --- Chance ------------------------------------------------------------------------------------------------------
  let state = (seed ^ 0x9e3779b9) >>> 0;
  function word() {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = imul(state ^ (state >>> 15), 1 | state);
    t = (t + imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }
  Math.random = function random() { return word() / 4294967296; };
  if (win.Crypto) {
    const bytes = Uint8Array;
    Crypto.prototype.getRandomValues = function getRandomValues(array) {
      const view = new bytes(array.buffer, array.byteOffset, array.byteLength);
      for (let i = 0; i < view.length; i++) view[i] = word() & 255;
      return array;
    };
    Crypto.prototype.randomUUID = function randomUUID() {
      let s = '';
      for (let i = 0; i < 32; i++) {
        const n = i === 12 ? 4 : i === 16 ? 8 | (word() & 3) : word() & 15;
        s += (i === 8 || i === 12 || i === 16 || i === 20 ? '-' : '') + '0123456789abcdef'[n];
      }
      return s;
    };
  }

  // --- Clock -------------------------------------------------------------------------------------------------------
  // Reading it often within one callback moves it: a page that waits by reading the clock ends, and shows how long.
  const EPOCH = 1767268800000, FREE_READS = 2000, FRAME = 1000 / 60;
  let now = 0, reads = 0;
  const read = () => { now += ++reads > FREE_READS ? 1 : 0.001; return now; };
  Performance.prototype.now = function () { return read(); };
  function FakeDate(...given) {
    const args = given.length ? given : [EPOCH + floor(read())];
    if (!new.target) return text(construct(NativeDate, args));
    return construct(NativeDate, args, new.target);
  }
  FakeDate.prototype = NativeDate.prototype;
  FakeDate.now = function now() { return EPOCH + floor(read()); };
  FakeDate.parse = NativeDate.parse;
  FakeDate.UTC = NativeDate.UTC;
  Object.defineProperty(FakeDate, 'length', { value: 7 });
  Object.defineProperty(FakeDate, 'name', { value: 'Date' });
  NativeDate.prototype.constructor = FakeDate;
  win.Date = FakeDate;

  let timers = [], frames = [], nextId = 1, depth = 0, fired = 0;
  const MAX_TIMERS = 20000;
  function later(fn, delay, args, every) {
    delay = +delay;
    if (!(delay >= 0)) delay = 0;
    if (depth > 4 || every) delay = max(delay, 4);
    delay = max(min(delay, 2147483647), 0.01);
    const id = nextId++;
    if (timers.length < MAX_TIMERS) timers[timers.length] = { id, at: now + delay, fn, args, every: every ? delay : 0, depth: depth + 1 };
    return id;
  }
  function drop(id) {
    for (let i = 0; i < timers.length; i++) {
      if (timers[i].id === +id) {
        for (let j = i + 1; j < timers.length; j++) timers[j - 1] = timers[j];
        timers.length--;
        return;
      }
    }
  }
  win.setTimeout = function setTimeout(fn, delay, ...args) { return later(fn, delay, args, false); };
  win.setInterval = function setInterval(fn, delay, ...args) { return later(fn, delay, args, true); };
  win.clearTimeout = function clearTimeout(id) { drop(id); };
  win.clearInterval = function clearInterval(id) { drop(id); };
  win.requestAnimationFrame = function requestAnimationFrame(fn) {
    if (typeof fn !== 'function') throw new TypeError("Failed to execute 'requestAnimationFrame' on 'Window': parameter 1 is not of type 'Function'.");
    const id = nextId++;
    if (frames.length < MAX_TIMERS) frames[frames.length] = { id, fn };
    return id;
  };
  win.cancelAnimationFrame = function cancelAnimationFrame(id) { for (let i = 0; i < frames.length; i++) if (frames[i].id === +id) frames[i].fn = null; };
  win.requestIdleCallback = function requestIdleCallback(fn) {
    return later(() => fn({ didTimeout: false, timeRemaining: () => 10 }), 1, [], false);
  };
  win.cancelIdleCallback = function cancelIdleCallback(id) { drop(id); };
  function call(fn, self, args) {
    reads = 0;
    fired++;
    try { if (typeof fn === 'function') apply(fn, self, args); else indirectEval(text(fn)); } catch (error) { report(error); }
  }
  // One step of the clock towards `end`: the next timer, or the next frame. Microtasks run between steps.
  function step(end, frame) {
    let due = null;
    for (let i = 0; i < timers.length; i++) if (due === null || timers[i].at < due.at) due = timers[i];
    const nextFrame = frames.length ? (floor(now / frame + 1e-6) + 1) * frame : Infinity;
    const at = due === null ? nextFrame : min(due.at, nextFrame);
    if (at > end) { now = max(now, end); return { now, more: false, drew: false }; }
    now = max(now, at);
    if (due !== null && due.at <= nextFrame) {
      const { fn, args } = due;
      if (due.every) due.at = max(now, due.at) + due.every; else drop(due.id);
      depth = due.depth;
      call(fn, win, args);
      depth = 0;
      return { now, more: true, drew: false };
    }
    const batch = frames;
    frames = [];
    const stamp = now;
    for (let i = 0; i < batch.length; i++) if (batch[i].fn) call(batch[i].fn, undefined, [stamp]);
    return { now, more: true, drew: true };
  }
  // Of timers that fire once, how long until the last of those due within `limit` ms; 0 when there is none.
  function pending(limit) {
    let longest = 0;
    for (let i = 0; i < timers.length; i++) {
      const wait = timers[i].at - now;
      if (!timers[i].every && wait <= limit) longest = max(longest, wait);
    }
    return longest;
  }

  // --- Canvases ----------------------------------------------------------------------------------------------------
  const SIDE = 48;
  const scratch = doc.createElement('canvas');
  scratch.width = scratch.height = SIDE;
  const pen = scratch.getContext('2d', { willReadFrequently: true });
  const draw = uncurry(CanvasRenderingContext2D.prototype.drawImage), clear = uncurry(CanvasRenderingContext2D.prototype.clearRect);
  const pixelsOf = uncurry(CanvasRenderingContext2D.prototype.getImageData);
  if (pen) pen.imageSmoothingQuality = 'medium';
  const nativeContext = HTMLCanvasElement.prototype.getContext;
  let contexts = 0, hasGl = false;
  HTMLCanvasElement.prototype.getContext = function getContext(kind, ...rest) {
    contexts++;
    if (typeof kind === 'string' && kind[0] !== '2') hasGl = true;
    return apply(nativeContext, this, [kind, ...rest]);
  };
  function sample() {
    const found = query(doc, 'canvas'), hashes = [], lights = [];
    for (let i = 0; i < found.length && i < 4; i++) {
      const canvas = found[i];
      if (!canvas.width || !canvas.height || !pen) continue;
      try {
        clear(pen, 0, 0, SIDE, SIDE);
        draw(pen, canvas, 0, 0, SIDE, SIDE);
        const data = pixelsOf(pen, 0, 0, SIDE, SIDE).data;
        let hash = 2166136261, light = 0;
        for (let j = 0; j < data.length; j++) hash = imul(hash ^ data[j], 16777619);
        for (let j = 0; j < data.length; j += 4) light += (data[j] * 0.2126 + data[j + 1] * 0.7152 + data[j + 2] * 0.0722) * data[j + 3] / 255 + 255 - data[j + 3];
        hashes[hashes.length] = hash >>> 0;
        lights[lights.length] = light / (data.length / 4) / 255;
      } catch { hashes[hashes.length] = -1; lights[lights.length] = 1; }
    }
    return { hashes, lights };
  }

  // --- Listeners ---------------------------------------------------------------------------------------------------
  const heard = new Weak();
  const types = {};
  const PRESS = { click: 1, mousedown: 1, mouseup: 1, pointerdown: 1, pointerup: 1, touchstart: 1, touchend: 1, dblclick: 1, keydown: 1, submit: 1, change: 1, input: 1 };
  EventTarget.prototype.addEventListener = function addEventListener(type, listener, options) {
    const name = text(type);
    const target = this ?? win;
    if (listener) {
      types[name] = (types[name] || 0) + 1;
      if (PRESS[name] && typeof target === 'object') {
        let names = weakGet(heard, target);
        if (!names) weakSet(heard, target, (names = {}));
        names[name] = true;
      }
    }
    return apply(nativeAdd, target, [type, listener, options]);
  };
  function listens(target, wanted) {
    const names = weakGet(heard, target);
    for (let i = 0; i < wanted.length; i++) {
      if (names && names[wanted[i]]) return true;
      try { if (typeof target['on' + wanted[i]] === 'function') return true; } catch { /* a page's own getter */ }
    }
    return false;
  }
  const POINTER = ['click', 'mousedown', 'mouseup', 'pointerdown', 'pointerup', 'touchstart', 'touchend'];
  // own: on the element; near: on one around it; far: on body, document or window only; none.
  function reach(path, wanted) {
    let best = 'none';
    for (let i = 0; i < path.length; i++) {
      if (!listens(path[i], wanted)) continue;
      if (i === 0) return 'own';
      const isFar = path[i] === win || path[i] === doc || path[i] === doc.documentElement || path[i] === doc.body;
      if (!isFar) return 'near';
      best = 'far';
    }
    return best;
  }

  // --- What a page does that a person would notice -----------------------------------------------------------------
  let asked = 0;
  win.alert = function alert(message) { note('dialog', 'alert: ' + cut(message)); };
  win.confirm = function confirm(message) { note('dialog', 'confirm: ' + cut(message)); return asked++ % 40 < 20; };
  win.prompt = function prompt(message, initial) { note('dialog', 'prompt: ' + cut(message)); return asked++ % 40 < 20 ? text(initial ?? 'test') : null; };
  win.print = function print() { note('dialog', 'print'); };
  win.open = function open(url) { note('popup', url ?? ''); return null; };
  for (const level of ['log', 'info', 'debug', 'warn', 'error', 'assert', 'trace', 'table', 'dir']) {
    console[level] = function (...args) {
      if (level === 'assert') { if (args[0]) return; args = args.slice(1); }
      let line = '';
      for (let i = 0; i < args.length && i < 8; i++) line += (i ? ' ' : '') + cut(args[i]);
      note(level === 'assert' ? 'error' : level === 'error' || level === 'warn' ? level : 'log', line);
    };
  }
  const wrap = (owner, name, before) => {
    const native = owner && owner[name];
    if (typeof native !== 'function') return;
    owner[name] = function (...args) { before(this, args); return apply(native, this, args); };
  };
  wrap(win.HTMLMediaElement && HTMLMediaElement.prototype, 'play', (self) => { if (!self.muted && self.volume > 0) note('sound', 'play() on <' + self.localName + '>'); });
  wrap(win.AudioScheduledSourceNode && AudioScheduledSourceNode.prototype, 'start', () => note('sound', 'Web Audio source started'));
  wrap(win.AudioBufferSourceNode && AudioBufferSourceNode.prototype, 'start', () => note('sound', 'Web Audio source started'));
  wrap(win.speechSynthesis && SpeechSynthesis.prototype, 'speak', () => note('sound', 'speech'));
  wrap(win.Storage && Storage.prototype, 'setItem', () => note('storage', 'setItem'));
  wrap(win.Storage && Storage.prototype, 'removeItem', () => note('storage', 'removeItem'));
  wrap(win.History && History.prototype, 'pushState', (_, args) => note('history', cut(args[2] ?? '')));
  wrap(win.History && History.prototype, 'replaceState', (_, args) => note('history', cut(args[2] ?? '')));
  wrap(win.Element && Element.prototype, 'requestFullscreen', () => note('asked', 'fullscreen'));
  wrap(win.Element && Element.prototype, 'requestPointerLock', () => note('asked', 'pointer lock'));
  // Smooth scrolling takes real time, which a walk on the virtual clock does not have.
  const at_once = (args) => { for (let i = 0; i < args.length && i < 2; i++) if (args[i] && typeof args[i] === 'object') args[i] = { ...args[i], behavior: 'instant' }; };
  for (const [owner, name] of [[win.Element && Element.prototype, 'scrollIntoView'], [win.Element && Element.prototype, 'scrollTo'], [win.Element && Element.prototype, 'scrollBy'], [win, 'scrollTo'], [win, 'scrollBy'], [win, 'scroll']]) {
    wrap(owner, name, (_, args) => { at_once(args); note('scroll', name); });
  }
  wrap(win.Clipboard && Clipboard.prototype, 'writeText', () => note('asked', 'clipboard'));
  wrap(Document.prototype, 'execCommand', (_, args) => note('asked', cut(args[0])));
  wrap(win.URL, 'createObjectURL', () => note('asked', 'object URL'));
  wrap(win.Navigator && Navigator.prototype, 'vibrate', () => note('asked', 'vibrate'));
  wrap(win.Navigator && Navigator.prototype, 'share', () => note('asked', 'share'));
  wrap(win.Geolocation && Geolocation.prototype, 'getCurrentPosition', () => note('asked', 'geolocation'));
  wrap(win.ServiceWorkerContainer && ServiceWorkerContainer.prototype, 'register', () => note('worker', 'service worker'));
  wrap(win, 'fetch', (_, args) => note('request', cut(args[0])));
  wrap(win.XMLHttpRequest && XMLHttpRequest.prototype, 'open', (_, args) => note('request', cut(args[1])));
  const NativeErrorEvent = ErrorEvent;
  const isErrorEvent = (event) => event instanceof NativeErrorEvent;
  function onError(event) {
    if (isErrorEvent(event)) {
      const where = event.filename || '';
      note('exception', event.message, { where, line: event.lineno });
      return;
    }
    const target = event.target;
    if (target && target !== win && target.localName) note('resource', target.localName + ' ' + cut(target.src || target.href || target.data || ''));
  }
  const onRejection = (event) => note('exception', 'Unhandled rejection: ' + cut(event.reason));
  const onViolation = (event) => note('policy', event.effectiveDirective + ' ' + cut(event.blockedURI || ''));
  const mark = secret + 'r';
  function answer(event) {
    const asked = detailOf(event);
    if (!asked || typeof asked !== 'object') return;
    let value = null;
    if (asked.do === 'again') { dispatch(win, new Custom(mark, { detail: last })); return; }
    if (asked.do === 'step') {
      value = step(asked.end, asked.frame || FRAME);
      if (asked.sample && (value.drew || !value.more)) value.canvas = sample();
    } else if (asked.do === 'sample') value = sample();
    else if (asked.do === 'drain') { value = { log, dropped, counts, fired, timers: timers.length, frames: frames.length, contexts, types }; log = []; dropped = 0; counts = {}; fired = 0; }
    else if (asked.do === 'pending') value = pending(asked.limit);
    else if (asked.do === 'now') { reads = 0; value = now; }
    else if (asked.do === 'phase') { phase = asked.phase; value = true; }
    else if (asked.do === 'reach') value = reach(pathOf(event), asked.types || POINTER);
    else if (asked.do === 'types') value = types;
    else if (asked.do === 'gl') value = hasGl;
    last = stringify(value);
    dispatch(win, new Custom(mark, { detail: last }));
  }
  let last = 'null';
  function attach() {
    add(win, secret, answer, true);
    add(win, 'error', onError, true);
    add(win, 'unhandledrejection', onRejection, true);
    add(doc, 'securitypolicyviolation', onViolation, true);
  }
  attach();
  // document.open() takes every listener off; they come back before the page's next script can miss them.
  for (const name of ['open', 'write', 'writeln', 'close']) {
    const native = Document.prototype[name];
    Document.prototype[name] = function (...args) {
      const value = apply(native, this, args);
      if (this === doc) attach();
      return value;
    };
  }
}
