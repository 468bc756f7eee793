// Controls: which there are, whether they can be reached, and how they are used. A part of the walker: see walker.js.
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
