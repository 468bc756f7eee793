// Runs in a world of its own, whose globals the page cannot touch; it shares only the document with the page. It drives
// the page's clock, looks at what stands there, presses every control once and tells what came of it.
(secret) => {
  if (window !== window.top) return;
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
  const realFrame = () => new Promise((done) => { requestAnimationFrame(() => done()); setTimeout(done, 100); });

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

  // --- Controls ------------------------------------------------------------------------------------------------------
  const BUTTONS = 'button, [role=button], [role=tab], [role=menuitem], [role=switch], input[type=button], input[type=submit], input[type=reset], input[type=image], summary';
  const FIELDS = 'input, select, textarea, [contenteditable=""], [contenteditable=true]';
  const LATE = /\b(reset|clear|delete|remove|restart|new game|stop|pause|close|cancel|logout|log out|quit|exit|start over)\b/i;
  const CLOSES = /close|cancel|dismiss|got it|ok\b|done|start|play|begin|continue|back|^[x×✕✖]$/i;
  function kindOf(element) {
    if (element.matches('input[type=hidden], input[type=file]')) return null;
    if (element.matches(BUTTONS)) return 'button';
    if (element.matches(FIELDS)) return 'field';
    if (element.matches('a[href]')) return 'link';
    if (element.hasAttribute('onclick')) return 'clickable';
    return null;
  }
  function isPointer(element) {
    if (getComputedStyle(element).cursor !== 'pointer') return false;
    const parent = element.parentElement;
    return !parent || getComputedStyle(parent).cursor !== 'pointer';
  }
  // A `disabled` control is none for now; it is looked at again after every step.
  function controls() {
    const found = [];
    for (const element of walk(document)) {
      if (element === document.body || element === document.documentElement) continue;
      let kind = kindOf(element);
      if (element.closest('label') && kind === null) continue;
      if (!kind && element.localName !== 'label' && isPointer(element) && !element.querySelector(BUTTONS + ',a[href],' + FIELDS) && !element.closest('button, a[href], [role=button], summary')) kind = 'clickable';
      if (!kind && (element.localName === 'canvas' || element.localName === 'svg') && (element.localName === 'canvas' ? ['own', 'near', 'far'] : ['own', 'near']).includes(ask({ do: 'reach' }, element))) kind = 'surface';
      if (!kind || element.disabled || element.getAttribute('aria-disabled') === 'true' || element.closest('fieldset[disabled]')) continue;
      if (element.inert || element.closest('[inert]')) continue;
      found.push({ element, kind });
    }
    return found;
  }
  // Fields hidden behind a label of their own (drawn check boxes, file pickers) are pressed through it.
  function proxyOf(element) {
    if (isShown(element)) { const r = element.getBoundingClientRect(); if (r.width > 2 && r.height > 2) return element; }
    const label = element.labels && [...element.labels].find(isShown);
    return label || null;
  }
  function hit(element) {
    element.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    const rect = [...element.getClientRects()].find((r) => r.width > 0 && r.height > 0);
    if (!rect) return { state: 'hidden' };
    const width = document.documentElement.clientWidth, height = window.innerHeight;
    const left = Math.max(rect.left, 0), right = Math.min(rect.right, width), top = Math.max(rect.top, 0), bottom = Math.min(rect.bottom, height);
    if (right - left < 2 || bottom - top < 2) return { state: 'offscreen', x: Math.round(rect.left), y: Math.round(rect.top) };
    let cover = null, passes = false;
    for (const [fx, fy] of [[0.5, 0.5], [0.25, 0.5], [0.75, 0.5], [0.5, 0.25], [0.5, 0.75]]) {
      const x = left + (right - left) * fx, y = top + (bottom - top) * fy;
      let top_ = document.elementFromPoint(x, y);
      while (top_ && top_.shadowRoot) { const inner = top_.shadowRoot.elementFromPoint(x, y); if (!inner || inner === top_) break; top_ = inner; }
      if (!top_) continue;
      if (contains(element, top_) || (element.labels && [...element.labels].some((label) => label.contains(top_))) || (top_.localName === 'label' && top_.control === element)) return { state: 'free', x, y, target: top_ };
      // One around it shows there: it is clipped, or lets every press through. Then nothing covers it.
      if (contains(top_, element)) passes = true;
      else cover = cover || top_;
    }
    if (!cover && passes) return { state: 'hidden' };
    if (!cover) return { state: 'offscreen', x: Math.round(rect.left), y: Math.round(rect.top) };
    return { state: 'covered', by: describe(cover), cover };
  }
  function contains(outer, inner) {
    for (let at = inner; at; at = at.parentNode || at.host) if (at === outer) return true;
    return false;
  }
  const describe = (element) => cut(`${element.localName}${element.id ? '#' + element.id : ''}${typeof element.className === 'string' && element.className ? '.' + element.className.trim().split(/\s+/)[0] : ''}`, 60);

  // --- Pressing ------------------------------------------------------------------------------------------------------
  function pointer(target, type, x, y, buttons) {
    const more = { bubbles: true, cancelable: true, composed: true, view: window, clientX: x, clientY: y, screenX: x, screenY: y, button: 0, buttons, detail: 1, pointerId: 1, pointerType: 'mouse', isPrimary: true };
    return target.dispatchEvent(type.startsWith('pointer') ? new PointerEvent(type, more) : new MouseEvent(type, more));
  }
  function click(target, focusable, x, y) {
    for (const type of ['pointerover', 'mouseover', 'pointermove', 'mousemove']) pointer(target, type, x, y, 0);
    pointer(target, 'pointerdown', x, y, 1);
    if (pointer(target, 'mousedown', x, y, 1) && focusable && focusable.focus) focusable.focus({ preventScroll: true });
    pointer(target, 'pointerup', x, y, 0);
    pointer(target, 'mouseup', x, y, 0);
    if (target.isConnected) pointer(target, 'click', x, y, 0);
  }
  const CODES = { ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, ' ': 32, Enter: 13, Escape: 27 };
  function key(target, name) {
    const code = name === ' ' ? 'Space' : name.length === 1 ? 'Key' + name.toUpperCase() : name;
    const keyCode = CODES[name] ?? name.toUpperCase().charCodeAt(0);
    const more = { bubbles: true, cancelable: true, composed: true, key: name, code, keyCode, which: keyCode, view: window };
    target.dispatchEvent(new KeyboardEvent('keydown', more));
    if (name.length === 1 || name === 'Enter') target.dispatchEvent(new KeyboardEvent('keypress', more));
    target.dispatchEvent(new KeyboardEvent('keyup', more));
  }
  const SAMPLES = { email: 'ada@example.com', url: 'https://example.com/', tel: '5550100', password: 'Secret-123', date: '2026-03-15', time: '10:30', month: '2026-03', week: '2026-W12', 'datetime-local': '2026-03-15T10:30', color: '#3366cc' };
  function valueFor(field, seed) {
    if (SAMPLES[field.type]) return SAMPLES[field.type];
    const least = field.min !== '' && field.min !== undefined ? Number(field.min) : null, most = field.max !== '' && field.max !== undefined ? Number(field.max) : null;
    if (field.type === 'range') { const low = least ?? 0, high = most ?? 100, now = Number(field.value); const want = low + (high - low) * 0.75; return String(Math.abs(want - now) < (high - low) / 100 ? low + (high - low) * 0.25 : want); }
    const about = `${field.name} ${field.id} ${field.placeholder} ${nameOf(field)}`.toLowerCase();
    if (field.type === 'number' || field.inputMode === 'numeric' || field.inputMode === 'decimal') return String(Math.min(most ?? 1e9, Math.max(least ?? -1e9, 3 + (seed % 5))));
    if (/e-?mail/.test(about)) return SAMPLES.email;
    if (/phone|tel/.test(about)) return SAMPLES.tel;
    if (/amount|price|bill|age|count|number|qty|quantity|weight|height|total|principal|rate|year/.test(about)) return String(20 + (seed % 7));
    if (/name/.test(about)) return 'Ada Lovelace';
    return 'Sample text';
  }
  const setter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).set;
  const SET = { input: setter(HTMLInputElement.prototype, 'value'), textarea: setter(HTMLTextAreaElement.prototype, 'value') };
  function fill(field, seed) {
    field.focus && field.focus({ preventScroll: true });
    if (field.localName === 'select') {
      const options = [...field.options], usable = options.map((_, at) => at).filter((at) => !options[at].disabled && at !== field.selectedIndex);
      if (!usable.length) return 'nothing to choose';
      const at = usable[seed % usable.length];
      field.selectedIndex = at;
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }));
      return `chose ${cut(options[at].text, 30)}`;
    }
    if (!SET[field.localName]) {
      field.textContent = 'Sample text';
      field.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText', data: 'Sample text' }));
      return 'wrote text';
    }
    let value = valueFor(field, seed);
    if (field.maxLength > 0) value = value.slice(0, field.maxLength);
    key(field, value.slice(-1) || 'a');
    SET[field.localName].call(field, value);
    field.dispatchEvent(new InputEvent('input', { bubbles: true, composed: true, inputType: 'insertText', data: value }));
    field.dispatchEvent(new Event('change', { bubbles: true }));
    return `filled in ${cut(field.value, 30)}`;
  }

  // --- Steps and what came of them -------------------------------------------------------------------------------------
  const noisy = new WeakSet();
  let records = [];
  const observer = new MutationObserver((list) => { for (const each of list) if (records.length < 5000) records.push(each); });
  const WATCHED = { subtree: true, childList: true, attributes: true, characterData: true };
  function watch() { observer.observe(document, WATCHED); for (const element of walk(document)) if (element.shadowRoot) observer.observe(element.shadowRoot, WATCHED); }
  function takeRecords() { const all = records.concat(observer.takeRecords()); records = []; return all; }
  const isNoise = (record) => noisy.has(record.target) || (record.target.nodeType === 3 && record.target.parentNode && noisy.has(record.target.parentNode));
  // Style is of the look, the rest of an attribute's changes is of the state.
  function stateOf(changes) {
    const seen = new Map();
    for (const record of changes.slice(0, 2000)) {
      if (record.type === 'attributes' && record.target.nodeType === 1) {
        const value = record.attributeName === 'style' ? cut(record.target.getAttribute('style'), 200) : cut(record.target.getAttribute(record.attributeName), 80);
        seen.set(selectorOf(record.target) + '@' + record.attributeName, value);
      } else if (record.type === 'childList' && record.target.nodeType === 1) seen.set(selectorOf(record.target) + '/', String(record.target.childElementCount));
    }
    return [...seen].map(([where, value]) => where + '=' + value).sort();
  }
  function fields() {
    const all = [];
    for (const element of document.querySelectorAll('input, textarea, select, details, dialog')) {
      if (all.length > 300) break;
      all.push(element.localName === 'details' || element.localName === 'dialog' ? element.open : element.type === 'checkbox' || element.type === 'radio' ? element.checked : element.value);
    }
    return all;
  }
  function place() { return [Math.round(window.scrollX), Math.round(window.scrollY), location.hash, document.title, document.fullscreenElement ? 1 : 0]; }
  let isAnimated = false, before = null;
  function snapshot() { return { lines: lines(), fields: fields(), place: place(), canvas: ask({ do: 'sample' }).hashes }; }
  function difference(old, fresh) {
    const count = new Map();
    for (const line of old) count.set(line, (count.get(line) || 0) + 1);
    const added = [];
    for (const line of fresh) { const left = count.get(line) || 0; if (left) count.set(line, left - 1); else added.push(line); }
    const removed = [...count].filter(([, left]) => left > 0).map(([line]) => line);
    return { added, removed };
  }
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  const HEARD = ['exception', 'error', 'dialog', 'popup', 'sound', 'storage', 'history', 'asked', 'request', 'log', 'warn', 'worker', 'scroll'];

  // `act` does something to the page; then the clock runs until what it started has come to an end, at most 2.5 s.
  async function observe(act, own) {
    ask({ do: 'drain' });
    takeRecords();
    const scrolled = place();
    before = snapshot();
    const start = ask({ do: 'now' });
    let first = null, last = null, changes = [];
    const look = (elapsed) => {
      const fresh = takeRecords().filter((record) => !isNoise(record) && !(own && record.target === own && record.type === 'attributes'));
      if (fresh.length) { changes = changes.concat(fresh.slice(0, 2000)); first = first ?? elapsed; last = elapsed; }
    };
    const did = act();
    const blocked = ask({ do: 'now' }) - start;
    await turn();
    look(blocked);
    let at = blocked;
    const hasCanvas = before.canvas.length > 0;
    let canvasAt = null;
    const onStep = (elapsed, step) => {
      look(at + elapsed);
      if (hasCanvas && !isAnimated && canvasAt === null && step.canvas && !same(step.canvas.hashes, before.canvas)) canvasAt = at + elapsed;
      return false;
    };
    lastCanvas = null;
    at += await run(320, { sample: hasCanvas, onStep });
    const wait = ask({ do: 'pending', limit: 2500 });
    if (wait > 0) at += await run(Math.min(wait + 20, 2500), { frame: 50, sample: hasCanvas && !isAnimated, onStep });
    if (changes.length || first === null) await still();
    await turn();
    look(at);
    const after = snapshot();
    if (lastCanvas && after.canvas.length === lastCanvas.hashes.length && !isAnimated) after.canvas = lastCanvas.hashes;
    const log = ask({ do: 'drain' });
    const { added, removed } = difference(before.lines, after.lines);
    const heard = HEARD.filter((kind) => log.counts[kind]);
    const ways = [];
    if (changes.length) ways.push('document');
    if (added.length || removed.length) ways.push('text');
    const isOwnField = own && ['input', 'textarea', 'select'].includes(own.localName);
    if (!isOwnField && !same(before.fields, after.fields)) ways.push('fields');
    if (!same(scrolled.slice(2), after.place.slice(2)) ) ways.push('place');
    else if (!same(scrolled.slice(0, 2), after.place.slice(0, 2))) ways.push('scroll');
    if (!same(before.canvas, after.canvas) && !isAnimated) { ways.push('canvas'); first = first ?? canvasAt; last = Math.max(last ?? 0, canvasAt ?? 0); }
    for (const kind of heard) if (!ways.includes(kind)) ways.push(kind);
    return {
      did: typeof did === 'string' ? did : '',
      ways, added: added.slice(0, MAX_LINES).map((line) => cut(line)), removed: removed.slice(0, MAX_LINES).map((line) => cut(line)),
      added_all: hash(added.join('\n')), removed_all: hash(removed.join('\n')),
      state: changes.length || ways.includes('fields') ? hash(stateOf(changes).join('\n') + JSON.stringify(isOwnField ? [] : after.fields.map((value, at) => (value === before.fields[at] ? null : value)))) : '',
      canvas: ways.includes('canvas') ? hash(JSON.stringify(after.canvas)) : '',
      first_ms: first === null ? null : Math.round(first), last_ms: last === null ? null : Math.round(last), blocked_ms: Math.round(blocked),
      log: log.log, counts: log.counts, lost: log.dropped,
    };
  }

  // --- Phases --------------------------------------------------------------------------------------------------------
  const api = {};
  // Until everything the page asked for has come or failed, or for five seconds: it may keep a request open for ever.
  api.ready = async () => {
    const until = performance.now() + 5000;
    while (document.readyState !== 'complete' && performance.now() < until) await new Promise((done) => setTimeout(done, 10));
    return '1';
  };
  api.load = async () => {
    watch();
    await turn();
    if (ask({ do: 'gl' })) usual = GL_FRAME;
    await run(1500);
    await still();
    const log = ask({ do: 'drain' });
    // What changes by itself within a second is noise: a later change there is not put down to a press.
    takeRecords();
    const first = ask({ do: 'sample' });
    await run(1100, { frame: 50, sample: true });
    for (const record of takeRecords()) { noisy.add(record.target); if (record.target.nodeType === 3 && record.target.parentNode) noisy.add(record.target.parentNode); }
    const fresh = lastCanvas ?? ask({ do: 'sample' });
    isAnimated = !same(first.hashes, fresh.hashes);
    const idle = ask({ do: 'drain' });
    await still();
    ask({ do: 'phase', phase: 'walk' });
    return JSON.stringify({ ...facts(), log: log.log.concat(idle.log), lost: log.dropped + idle.dropped, counts: add(log.counts, idle.counts), is_animated: isAnimated, noisy: noisyCount(), timers: idle.timers, frames: idle.frames, fired: idle.fired, listeners: idle.types, noticed });
  };
  const add = (a, b) => { const all = { ...a }; for (const name in b) all[name] = (all[name] || 0) + b[name]; return all; };
  function noisyCount() { let count = 0; for (const element of walk(document)) if (noisy.has(element)) count++; return count; }
  function facts() {
    const all = document.getElementsByTagName('*').length;
    return {
      title: cut(document.title, 120), elements: all, lines: lines().slice(0, 200), text_hash: hash(lines().join('\n')),
      characters: document.body ? document.body.innerText.length : 0, texts: texts(), images: images(),
      has_viewport: !!document.querySelector('meta[name=viewport]'), is_quirks: document.compatMode !== 'CSS1Compat',
      code_words: codeWords(),
    };
  }
  // Where text stands in the window, for the look at the pixels there: x, y, width, height, characters.
  function texts() {
    const found = [];
    if (!document.body) return found;
    const tree = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    for (let seen = 0, node; seen < 3000 && found.length < 300 && (node = tree.nextNode()); seen++) {
      const text = node.data.trim(), parent = node.parentElement;
      if (!text || !parent || ['script', 'style', 'noscript', 'template', 'option', 'textarea'].includes(parent.localName) || !isShown(parent)) continue;
      const style = getComputedStyle(parent);
      if (style.webkitBackgroundClip === 'text' || style.clipPath !== 'none' || style.clip !== 'auto' || parseFloat(style.fontSize) < 4) continue;
      range.selectNodeContents(node);
      const rect = range.getClientRects()[0];
      if (!rect || rect.width < 4 || rect.height < 4 || rect.bottom > window.innerHeight || rect.right > window.innerWidth || rect.top < 0 || rect.left < 0) continue;
      const middle = document.elementFromPoint(rect.left + rect.width / 2, rect.top + rect.height / 2);
      // Another element there hides it or it is clipped; one that lets presses through shows what is around it.
      if (middle && !parent.contains(middle) && !(style.pointerEvents === 'none' && middle.contains(parent))) continue;
      found.push([Math.floor(rect.left), Math.floor(rect.top), Math.ceil(rect.width), Math.ceil(rect.height), text.length, cut(text, 40)]);
    }
    return found;
  }
  function images() {
    let broken = 0, all = 0;
    for (const image of document.images) { all++; if (image.complete && !image.naturalWidth && image.getAttribute('src')) broken++; }
    return [all, broken];
  }
  // Words that stand on the page where a value is missing, unless the page's own markup has them there (a lesson on JavaScript).
  function codeWords() {
    const found = [];
    if (!document.body) return found;
    const tree = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let seen = 0, node; seen < 5000 && found.length < 10 && (node = tree.nextNode()); seen++) {
      const parent = node.parentElement;
      if (!parent || parent.closest('script, style, template, noscript, code, pre, kbd, samp, textarea, option') || !isShown(parent)) continue;
      const text = parent.childNodes.length < 5 ? parent.innerText ?? node.data : node.data;
      const match = /\[object \w+\]|(^|[\s:$€£(])NaN($|[\s%.,)/:])|(^|[:$€£(]\s*)undefined($|[\s%.,)!])|\{\{[^{}]{1,60}\}\}|\$\{[^{}]{1,60}\}|<%=?[^%]{1,60}%>/.exec(text);
      if (match) found.push(cut(text.slice(Math.max(0, match.index - 30), match.index + 50), 80));
    }
    return [...new Set(found)];
  }
  api.words = () => JSON.stringify(codeWords());
  api.settle = async (ms) => { await realFrame(); await run(ms); await still(); await realFrame(); return '1'; };
  api.width = () => {
    const root = document.documentElement, limit = root.clientWidth;
    const wide = [];
    const full = Math.max(root.scrollWidth, document.body ? document.body.scrollWidth : 0);
    if (full > limit + 1) {
      for (const element of walk(document, { left: 5000 })) {
        if (wide.length >= 5) break;
        const rect = element.getBoundingClientRect();
        if (rect.right > limit + 1 && rect.width > 0 && isShown(element) && getComputedStyle(element).position !== 'fixed' && ![...element.children].some((child) => child.getBoundingClientRect().right >= rect.right - 1)) wide.push(selectorOf(element));
      }
    }
    const hides = [root, document.body].some((each) => each && ['hidden', 'clip'].includes(getComputedStyle(each).overflowX));
    return JSON.stringify({ needed: full, given: limit, wide, hides });
  };
  const MAX_PRESSES = 40, MAX_PASSES = 3;
  api.walk = async (seed, say) => {
    const known = new Map();
    const stateNow = new Map();
    let presses = 0, number = 0;
    const queue = [];
    const lateness = (entry) => (entry.kind === 'field' ? 0 : LATE.test(entry.name) ? 2 : 1);
    const explore = () => {
      const fresh = [];
      for (const { element, kind } of controls()) {
        if (known.has(element)) continue;
        const entry = { element, kind, name: nameOf(element), tag: tagOf(element), selector: selectorOf(element), pressed: 0, effect: false, number: -1, reach: '', state: '', by: '', ways: [] };
        known.set(element, entry);
        fresh.push(entry);
      }
      return fresh.sort((a, b) => lateness(a) - lateness(b));
    };
    queue.push(...explore());
    const pool = queue.length;
    if (queue.length > MAX_PRESSES) spread(queue, seed);
    const retry = [];
    const tell = (entry, result) => {
      entry.number = number++;
      say(JSON.stringify({ number: entry.number, control: entry.name, kind: entry.kind, tag: entry.tag, selector: entry.selector, ...result }));
    };
    // What lies over a control may be meant to be closed first: a dialog, a menu, the curtain before a game.
    const dismiss = async (cover, element) => {
      let root = cover;
      while (root.parentElement && !contains(root.parentElement, element)) root = root.parentElement;
      for (const fresh of explore()) queue.unshift(fresh);
      const inside = [...known.values()].filter((each) => each.kind !== 'field' && each.element.isConnected && contains(root, each.element) && !each.closes);
      const best = inside.find((each) => CLOSES.test(each.name)) || inside[inside.length - 1];
      if (best) best.closes = (best.closes || 0) + 1 > 8;
      const act = best && hit(best.element).state === 'free' ? () => { const at = hit(best.element); click(at.target, best.element, at.x, at.y); return 'pressed again'; }
        : () => { key(document.activeElement || document.body, 'Escape'); const dialog = root.closest('dialog[open]'); if (dialog && dialog.dispatchEvent(new Event('cancel', { cancelable: true }))) dialog.close(); else click(cover, null, 5, 5); return 'Escape, and a press beside it'; };
      presses++;
      const result = await observe(act, best ? best.element : null);
      const entry = best || { name: describe(root), kind: 'clickable', tag: root.localName, selector: selectorOf(root) };
      if (best) { best.effect = best.effect || result.ways.length > 0; best.ways = [...new Set([...best.ways, ...result.ways])]; }
      tell({ ...entry }, result);
      return true;
    };
    const press = async (entry) => {
      const { element } = entry;
      const shown = proxyOf(element);
      if (!shown) { entry.state = 'hidden'; return false; }
      let found = hit(shown);
      if (found.state === 'covered' && presses < MAX_PRESSES && (await dismiss(found.cover, shown))) found = hit(shown);
      entry.state = found.state;
      entry.by = found.by || (found.state === 'offscreen' ? `${found.x},${found.y}` : '');
      if (found.state !== 'free') return false;
      presses++;
      entry.pressed++;
      const wanted = entry.kind === 'field' ? ['input', 'change', 'keydown', 'click', 'submit'] : undefined;
      entry.reach = ask({ do: 'reach', types: wanted }, found.target && contains(element, found.target) ? found.target : element);
      say(JSON.stringify({ about: entry.name, selector: entry.selector, tag: entry.tag }));
      const result = await observe(() => {
        if (entry.kind === 'field' && !['checkbox', 'radio'].includes(element.type)) {
          click(shown, element, found.x, found.y);
          const did = fill(element, seed + presses);
          if (element.localName === 'input') key(element, 'Enter');
          return did;
        }
        if (entry.kind === 'surface') return surface(element);
        click(found.target || shown, element.localName === 'label' ? null : element, found.x, found.y);
        return 'pressed';
      }, element);
      const counts = result.ways.filter((way) => !['storage', 'request', 'log', 'warn'].includes(way) || way === 'log');
      entry.effect = entry.effect || counts.length > 0;
      entry.ways = [...new Set([...entry.ways, ...result.ways])];
      tell(entry, result);
      return true;
    };
    const began = performance.now();
    const isLate = () => performance.now() - began > MAX_WALK_MS && (noticed.slow = true);
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      while (queue.length && presses < MAX_PRESSES && !isLate()) {
        const entry = queue.shift();
        if (!entry.element.isConnected) continue;
        const was = await press(entry);
        if (!was || (!entry.effect && ['button', 'clickable'].includes(entry.kind))) retry.push(entry);
        if (was) queue.unshift(...explore());
        for (const other of known.values()) if (other.state === 'covered' || other.state === 'offscreen') { const shown = proxyOf(other.element); if (shown) { const again = hit(shown); if (again.state === 'free') { other.state = 'free'; } } }
      }
      if (!retry.length || presses >= MAX_PRESSES || isLate()) break;
      queue.push(...retry.splice(0));
    }
    const heardKeys = Object.keys(ask({ do: 'types' })).filter((type) => type.startsWith('key'));
    let keys = 0;
    if (heardKeys.length || document.querySelector('[onkeydown],[onkeyup],[onkeypress]') || ask({ do: 'reach', types: ['keydown', 'keyup', 'keypress'] }, document.body || document.documentElement) !== 'none') {
      if (document.activeElement && document.activeElement.blur) document.activeElement.blur();
      for (const name of isLate() ? [] : ['ArrowRight', 'ArrowUp', ' ', 'Enter', 'a', 'w', 'Escape']) {
        keys++;
        const target = document.activeElement || document.body || document.documentElement;
        say(JSON.stringify({ about: `key ${name}`, selector: '', tag: '' }));
        const result = await observe(() => { key(target, name); return 'key ' + (name === ' ' ? 'Space' : name); }, null);
        tell({ name: name === ' ' ? 'Space' : name, kind: 'key', tag: 'key', selector: '' }, result);
      }
    }
    const rest = [...known.values()].map(({ element, kind, name, tag, selector, pressed, effect, reach, state, by, ways }) => ({ kind, name, tag, selector, pressed, effect, reach, state: element.isConnected ? state : 'gone', by, ways, ...trait(element, kind) }));
    return JSON.stringify({ controls: rest.slice(0, 200), found: known.size, first: pool, presses, keys, noticed, words: codeWords(), elements: document.getElementsByTagName('*').length, text_hash: hash(lines().join('\n')) });
  };
  function surface(element) {
    const rect = element.getBoundingClientRect(), right = Math.min(rect.right, window.innerWidth), bottom = Math.min(rect.bottom, window.innerHeight);
    const at = (fx, fy) => [Math.max(rect.left, 0) + (right - Math.max(rect.left, 0)) * fx, Math.max(rect.top, 0) + (bottom - Math.max(rect.top, 0)) * fy];
    const top = (x, y) => document.elementFromPoint(x, y) || element;
    for (const [fx, fy] of [[0.5, 0.5], [0.3, 0.4]]) { const [x, y] = at(fx, fy); click(top(x, y), null, x, y); }
    const [x0, y0] = at(0.35, 0.35), [x1, y1] = at(0.6, 0.55);
    pointer(element, 'pointerdown', x0, y0, 1); pointer(element, 'mousedown', x0, y0, 1);
    for (let i = 1; i <= 4; i++) { const x = x0 + (x1 - x0) * i / 4, y = y0 + (y1 - y0) * i / 4; pointer(element, 'pointermove', x, y, 1); pointer(element, 'mousemove', x, y, 1); }
    pointer(element, 'pointerup', x1, y1, 0); pointer(element, 'mouseup', x1, y1, 0);
    return 'pressed at two places and dragged';
  }
  // What a control does without any script: a press that stays without effect may still be no fault.
  function trait(element, kind) {
    const href = element.localName === 'a' ? element.getAttribute('href') || '' : '';
    const form = element.form || null;
    const submits = kind === 'button' && !!form && (element.type === 'submit' || element.type === 'image');
    const native = element.localName === 'summary' || element.hasAttribute('popovertarget') || element.hasAttribute('commandfor') || (element.type === 'reset' && !!form) || element.closest('label') !== null;
    let target = '';
    if (href.startsWith('#') && href.length > 1) { let id = href.slice(1); try { id = decodeURIComponent(id); } catch { /* as it is */ } target = document.getElementById(id) || document.getElementsByName(id).length || id === 'top' ? 'there' : 'missing'; }
    return { href: cut(href, 120), target, submits, native, invalid: submits && !form.noValidate && !form.checkValidity(), selected: element.getAttribute('aria-selected') === 'true' || element.getAttribute('aria-pressed') === 'true' || element.getAttribute('aria-current') !== null || /\b(active|selected|current)\b/i.test(typeof element.className === 'string' ? element.className : '') };
  }
  function spread(queue, seed) {
    const kept = [], step = queue.length / MAX_PRESSES, offset = (seed % 97) / 97;
    for (let i = 0; i < MAX_PRESSES; i++) kept.push(queue[Math.floor((i + offset) * step) % queue.length]);
    queue.splice(0, queue.length, ...new Set(kept));
  }

  // --- Flashing ------------------------------------------------------------------------------------------------------
  // Luminance of large surfaces every 50 ms of the virtual clock over 2 s; a flash is a pair of opposing changes of a
  // tenth or more where the darker is below 0.8 (WCAG 2.3.1). Large: a quarter of a ten-degree field, 341 x 256 px.
  const AREA = 21824;
  function channelOf(value) { const c = value / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }
  function luminance(element) {
    const style = getComputedStyle(element), match = /rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)/.exec(style.backgroundColor);
    const alpha = match ? (match[4] === undefined ? 1 : Number(match[4])) : 0;
    const own = match ? 0.2126 * channelOf(+match[1]) + 0.7152 * channelOf(+match[2]) + 0.0722 * channelOf(+match[3]) : 1;
    const shown = style.visibility === 'hidden' || style.display === 'none' ? 0 : Number(style.opacity) * alpha;
    const filter = /invert\(1\)|invert\(100%\)/.test(style.filter) ? -1 : 1;
    const light = own * shown + (1 - shown);
    return filter < 0 ? 1 - light : light;
  }
  function flashes(values) {
    let pairs = 0, direction = 0, extreme = values[0];
    for (const value of values) {
      const change = value - extreme;
      if (Math.abs(change) >= 0.1 && Math.min(value, extreme) < 0.8) {
        const turn = Math.sign(change);
        if (turn !== direction) { pairs++; direction = turn; }
        extreme = value;
      } else if (direction !== 0 && Math.sign(change) === direction) extreme = value;
    }
    return Math.floor(pairs / 2);
  }
  api.flash = async () => {
    const moving = document.getAnimations().filter((each) => each.effect && each.effect.target && !Number.isFinite(each.effect.getComputedTiming().endTime));
    const suspects = new Map();
    const consider = (element) => { if (!element || element.nodeType !== 1 || suspects.size >= 30) return; const rect = element.getBoundingClientRect(); if (rect.width * rect.height >= AREA) suspects.set(element, []); };
    for (const each of moving.slice(0, 200)) consider(each.effect.target);
    for (const element of [document.documentElement, document.body]) if (element && noisy.has(element)) consider(element);
    for (const element of walk(document, { left: 3000 })) if (noisy.has(element)) consider(element);
    const canvases = isAnimated ? [] : null, canvasAreas = [...document.querySelectorAll('canvas')].slice(0, 4).map((each) => { const r = each.getBoundingClientRect(); return r.width * r.height >= AREA; });
    let worst = 0, where = '';
    if (suspects.size || canvases) {
      for (let at = 0; at <= 2000; at += 50) {
        lastCanvas = null;
        await run(50, { frame: 50, sample: !!canvases });
        for (const each of moving) { try { each.pause(); each.currentTime = at; } catch { /* stays as it is */ } }
        for (const [element, values] of suspects) values.push(luminance(element));
        if (canvases && lastCanvas) canvases.push(lastCanvas.lights);
      }
      for (const [element, values] of suspects) { const per = flashes(values) / 2; if (per > worst) { worst = per; where = selectorOf(element); } }
      for (let i = 0; canvases && canvases.length && i < canvases[0].length; i++) { const per = flashes(canvases.map((each) => channelOf((each[i] ?? 1) * 255))) / 2; if (canvasAreas[i] && per > worst) { worst = per; where = `canvas ${i + 1}`; } }
      for (const each of moving) { try { each.currentTime = 0; } catch { /* stays as it is */ } }
    }
    return JSON.stringify({ per_second: worst, where });
  };
  api.say = null;
  globalThis.refineApi = api;
}
