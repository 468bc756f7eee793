// A step and what came of it; the phases of a visit, of which the walk is the last. A part of the walker: see walker.js.
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
// Until everything the page asked for has come or failed, or for 20 s: on a busy machine a load takes its time.
api.ready = async () => {
  const until = performance.now() + 20000;
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
