// Runs in a candidate's frame before anything of the candidate: gives it what an opaque frame lacks, takes from it what
// would reach out, then gets the page from the page around the frame and writes it into this document.
//
// None of this is the wall: the headers are (opaque origin, CSP, no connections). What follows keeps real pages working,
// and makes attacks quiet that the headers make harmless. Lines `@part` stand for the files of those names.
(() => {
  "use strict";

  const self = window;
  const outer = self.parent;
  const define = Object.defineProperty;
  const own = (target, name, value) => {
    try {
      define(target, name, { value, configurable: false, writable: false, enumerable: true });
    } catch {
      /* not ours to change in this browser */
    }
  };
  // The page may replace any of these later; what we hold stays ours.
  const listen = Function.prototype.call.bind(EventTarget.prototype.addEventListener);
  const stop = Function.prototype.call.bind(Event.prototype.stopImmediatePropagation);
  const prevent = Function.prototype.call.bind(Event.prototype.preventDefault);
  const send = Function.prototype.call.bind(MessagePort.prototype.postMessage);
  const stringify = JSON.stringify;
  const parse = JSON.parse;

  const getter = (type, name) => Function.prototype.call.bind(Object.getOwnPropertyDescriptor(type.prototype, name).get);
  const sourceOf = getter(MessageEvent, "source");
  const dataOf = getter(MessageEvent, "data");
  const portsOf = getter(MessageEvent, "ports");
  const isAlt = getter(KeyboardEvent, "altKey");
  const isShift = getter(KeyboardEvent, "shiftKey");
  const codeOf = getter(KeyboardEvent, "code");
  const focusedIn = getter(Document, "activeElement");

  const setTimer = self.setTimeout.bind(self);

  let port = null;
  let given = null;
  let entry = null;

  // Texts only, and none too long: what else a page might smuggle in, the page outside would have to put together first.
  const MOST_TOLD = 4_000_000;
  function tell(value) {
    const text = typeof value === "string" ? value : stringify(value);
    if (port && typeof text === "string" && text.length < MOST_TOLD) send(port, text);
  }

  // --- What it says itself, in the language of the page around it.
  const TEXTS = {
    answered_ok: "answered: OK",
    answered: "answered: {value}",
    nothing: "nothing",
    no_print: "Printing is switched off here.",
    no_open: "New windows are switched off here.",
    no_download: "Downloads are switched off here.",
    no_link: "Links to other pages are switched off here.",
    no_page: "This is the frame of a candidate. It shows nothing by itself.",
  };
  function speak(texts) {
    for (const name of Object.keys(TEXTS)) if (typeof texts?.[name] === "string") TEXTS[name] = texts[name];
  }

  // --- Storage, in memory.
  const MOST_CHARS = 5_000_000;
  function makeStorage() {
    const items = new Map();
    let size = 0;
    const set = (key, value) => {
      key = String(key);
      value = String(value);
      const grown = size + value.length - (items.has(key) ? items.get(key).length : -key.length);
      if (grown > MOST_CHARS) throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
      size = grown;
      items.set(key, value);
      keepSoon();
    };
    const remove = (key) => {
      key = String(key);
      if (!items.has(key)) return;
      size -= key.length + items.get(key).length;
      items.delete(key);
      keepSoon();
    };
    const api = {
      getItem: (key) => (items.has(String(key)) ? items.get(String(key)) : null),
      setItem: set,
      removeItem: remove,
      clear: () => {
        items.clear();
        size = 0;
        keepSoon();
      },
      key: (index) => [...items.keys()][index] ?? null,
    };
    const proxy = new Proxy(Object.create(typeof Storage === "function" ? Storage.prototype : Object.prototype), {
      get: (_, key) => {
        if (key === "length") return items.size;
        if (typeof key === "symbol") return key === Symbol.toStringTag ? "Storage" : undefined;
        if (Object.hasOwn(api, key)) return api[key];
        return items.has(key) ? items.get(key) : Object.prototype[key];
      },
      set: (_, key, value) => (set(key, value), true),
      deleteProperty: (_, key) => (remove(key), true),
      has: (_, key) => Object.hasOwn(api, key) || key === "length" || items.has(key),
      ownKeys: () => [...items.keys()],
      getOwnPropertyDescriptor: (_, key) =>
        items.has(key) ? { value: items.get(key), writable: true, enumerable: true, configurable: true } : undefined,
    });
    return { proxy, entries: () => [...items], fill: (entries) => entries.forEach(([key, value]) => set(key, value)) };
  }
  const local = makeStorage();
  const session = makeStorage();
  own(self, "localStorage", local.proxy);
  own(self, "sessionStorage", session.proxy);

  const cookies = new Map();
  define(document, "cookie", {
    configurable: false,
    get: () => [...cookies].map(([name, value]) => (name ? `${name}=${value}` : value)).join("; "),
    set: (line) => {
      const [pair, ...attributes] = String(line).split(";");
      const at = pair.indexOf("=");
      const name = (at < 0 ? "" : pair.slice(0, at)).trim();
      const value = pair.slice(at + 1).trim();
      const rules = new Map(attributes.map((each) => each.trim().split("=")).map(([key, to]) => [key.toLowerCase(), to]));
      const age = rules.get("max-age");
      const until = rules.get("expires");
      const isOver = age !== undefined ? Number(age) <= 0 : until !== undefined && Date.parse(until) <= Date.now();
      if (isOver) cookies.delete(name);
      else if (cookies.has(name) || cookies.size < 180) cookies.set(name, value.slice(0, 4096));
      keepSoon();
    },
  });

  // What survives a reload: the page around the frame holds it, and gives it back to this frame alone.
  let keeping = false;
  function keepSoon() {
    if (keeping || !port) return;
    keeping = true;
    setTimer(keep, 200);
  }
  function keep() {
    keeping = false;
    const text = stringify({ local: local.entries(), session: session.entries(), cookies: [...cookies], entry });
    tell(`kept:${text}`);
  }

  // --- Dialogs that do not block: said in a corner, and answered as somebody would who goes along.
  let notices = null;
  function notice(kind, text) {
    const root = document.documentElement;
    if (!root) return;
    if (!notices || !notices.isConnected) {
      const place = document.createElement("refine-notices");
      const shadow = place.attachShadow({ mode: "closed" });
      const style = document.createElement("style");
      style.textContent =
        ":host{all:initial;position:fixed;left:0;right:0;top:12px;z-index:2147483647;display:flex;flex-direction:column;" +
        "align-items:center;gap:8px;pointer-events:none}div{font:14px/1.4 system-ui,sans-serif;color:#fff;background:#1f2937;" +
        "border-radius:8px;padding:10px 14px;max-width:min(480px,80vw);box-shadow:0 6px 24px #0005;white-space:pre-wrap;" +
        "overflow-wrap:anywhere;max-height:40vh;overflow:hidden}small{display:block;opacity:.7;font-size:12px}";
      shadow.append(style);
      notices = place;
      notices.add = (box) => {
        while (shadow.childElementCount > 3) shadow.children[1].remove();
        shadow.append(box);
        setTimeout(() => box.remove(), 5000);
      };
      root.append(place);
    }
    const box = document.createElement("div");
    box.append(String(text).slice(0, 1000));
    if (kind) {
      const small = document.createElement("small");
      small.append(kind);
      box.append(small);
    }
    notices.add(box);
  }
  own(self, "alert", (text = "") => notice("", text));
  own(self, "confirm", (text = "") => (notice(TEXTS.answered_ok, text), true));
  own(self, "prompt", (text = "", value = "") => (
    notice(TEXTS.answered.replace("{value}", () => (value === "" ? TEXTS.nothing : value)), text), String(value)
  ));
  own(self, "print", () => notice("", TEXTS.no_print));
  own(self, "open", () => (notice("", TEXTS.no_open), null));

  // --- The clipboard: no header keeps a page that was clicked from putting its own text there.
  const command = Function.prototype.call.bind(Document.prototype.execCommand);
  const lower = Function.prototype.call.bind(String.prototype.toLowerCase);
  own(Document.prototype, "execCommand", function (name, ...more) {
    const wanted = lower(`${name}`);
    return wanted === "copy" || wanted === "cut" || wanted === "paste" ? false : command(this, wanted, ...more);
  });

  // --- What would reach out. In Chromium the headers stop it as well, whichever realm it is called from.
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "mozRTCPeerConnection", "WebTransport"]) {
    try {
      delete self[name];
    } catch {
      /* not deletable here */
    }
    own(self, name, undefined);
  }
  try {
    const refuse = () => Promise.reject(new DOMException("Service workers are switched off here.", "NotSupportedError"));
    const none = { register: refuse, ready: new Promise(() => {}), controller: null };
    none.getRegistration = () => Promise.resolve(undefined);
    none.getRegistrations = () => Promise.resolve([]);
    none.addEventListener = none.removeEventListener = () => {};
    own(navigator, "serviceWorker", none);
  } catch {
    /* no navigator to speak of */
  }

  // No nested frames: a fresh realm would have all of the above again.
  const FRAMES = new Set(["IFRAME", "FRAME", "FRAMESET", "OBJECT", "EMBED", "FENCEDFRAME", "PORTAL", "WEBVIEW"]);
  const SELECTOR = [...FRAMES].join(",");
  for (const type of [self.HTMLIFrameElement, self.HTMLFrameElement, self.HTMLObjectElement, self.HTMLEmbedElement]) {
    if (!type) continue;
    for (const name of ["contentWindow", "contentDocument"]) {
      if (name in type.prototype) define(type.prototype, name, { get: () => null, configurable: false });
    }
    for (const name of ["getSVGDocument"]) if (name in type.prototype) own(type.prototype, name, () => null);
  }
  const removeElement = Function.prototype.call.bind(Element.prototype.remove);
  const findAll = Function.prototype.call.bind(Element.prototype.querySelectorAll);
  function sweep(node) {
    if (node.nodeType !== 1) return;
    if (FRAMES.has(node.tagName)) removeElement(node);
    else for (const each of findAll(node, SELECTOR)) removeElement(each);
  }
  const observer = new MutationObserver((records) => {
    for (const record of records) for (const node of record.addedNodes) sweep(node);
  });
  const watch = (root) => observer.observe(root, { childList: true, subtree: true });
  watch(document);
  const attachShadow = Element.prototype.attachShadow;
  own(Element.prototype, "attachShadow", function (options) {
    const root = attachShadow.call(this, options);
    watch(root);
    listen(root, "play", mute, true);
    return root;
  });

  // --- Focus: while the frame is at rest, wishes for it are remembered and granted when the person comes.
  let isActive = false;
  let wished = null;
  const focusers = [];
  for (const type of [self.HTMLElement, self.SVGElement, self.MathMLElement]) {
    if (!type || !Object.hasOwn(type.prototype, "focus")) continue;
    const focus = Function.prototype.call.bind(type.prototype.focus);
    focusers.push([type, focus]);
    own(type.prototype, "focus", function (options) {
      if (isActive) focus(this, options);
      else wished = this;
    });
  }
  own(self, "focus", () => {});
  function activate() {
    isActive = true;
    const target = wished;
    wished = null;
    for (const [type, focus] of focusers) if (target instanceof type && target.isConnected) focus(target);
  }
  const hasFocus = Document.prototype.hasFocus.bind(document);
  const blur = Function.prototype.call.bind(HTMLElement.prototype.blur);

  // --- History: few entries, since they stand in the list that the person's Back button walks. (`location.hash` adds to it
  // all the same: nothing in a page can change `location`.)
  const MOST_ENTRIES = 15;
  function hashOf(url) {
    try {
      const [path, hash] = new URL(url, location.href).href.split("#");
      return path === location.href.split("#")[0] && hash !== undefined ? `#${hash}` : null;
    } catch {
      return null;
    }
  }
  let pushed = 0;
  const replaceState = Function.prototype.call.bind(History.prototype.replaceState);
  for (const name of ["pushState", "replaceState"]) {
    const native = Function.prototype.call.bind(History.prototype[name]);
    own(History.prototype, name, function (state, title, url) {
      const go = name === "pushState" && ++pushed <= MOST_ENTRIES ? native : replaceState;
      // The path stays, since there is nothing else to load from here; the state and the hash are the page's.
      const hash = url === undefined || url === null ? null : hashOf(String(url));
      return hash === null ? go(this, state, title) : go(this, state, title, hash);
    });
  }

  // --- Files of the candidate beside its page: found by the name the page knows.
  function nameOf(url) {
    if (!given) return null;
    try {
      const full = new URL(url, document.baseURI);
      const base = new URL(".", location.href);
      if (full.origin !== base.origin || !full.pathname.startsWith(base.pathname)) return null;
      const name = decodeURIComponent(full.pathname.slice(base.pathname.length));
      return Object.hasOwn(given.files, name) ? name : Object.hasOwn(given.pages, name) ? name : null;
    } catch {
      return null;
    }
  }
  const blobOf = (url) => {
    const name = nameOf(url);
    return name !== null && given.urls.has(given.files[name]) ? given.urls.get(given.files[name]) : null;
  };
  const fetchNow = self.fetch.bind(self);
  self.fetch = function fetch(input, options) {
    const found = typeof input === "string" || input instanceof URL ? blobOf(String(input)) : null;
    return fetchNow(found ?? input, options);
  };
  const openRequest = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function open(method, url, ...rest) {
    return openRequest.call(this, method, blobOf(String(url)) ?? url, ...rest);
  };

  // --- Listeners, ahead of any of the page's; document.open() drops them, so they are set again after it.
  function leave(event) {
    if (event.isTrusted && isAlt(event) && isShift(event) && codeOf(event) === "KeyX") {
      prevent(event);
      stop(event);
      tell("leave");
    }
  }
  function receive(event) {
    const from = sourceOf(event);
    if (from === self) return;
    stop(event); // neighbours and the page outside have nothing to say to the candidate
    if (from !== outer || given !== null) return;
    const data = dataOf(event);
    if (!data || data.refine !== "page") return;
    port = portsOf(event)[0];
    port.onmessage = (message) => {
      const data = dataOf(message);
      if (data === "ping") {
        tell("pong");
        tellInputs();
      }
      else if (data === "active") activate();
      else if (data === "rest") {
        isActive = false;
        tellInputs();
      }
      else if (data === "focused?") {
        const taken = hasFocus() && !isActive;
        tell(taken ? "took" : "not"); // first: what follows touches what the page may have changed
        const element = taken ? focusedIn(document) : null;
        if (element instanceof HTMLElement) blur(element);
      }
      else if (data && data.describe) tell({ described: safely(() => describe(data)) });
      else if (data && data.record) tell({ recorded: safely(record), id: data.record });
      else if (data === "sound") allowSound();
    };
    speak(data.texts);
    write(data.page, data.kept ? parse(data.kept) : null);
  }
  /** A page may have broken what these ask of it: then there is no answer, and nobody waits for one. */
  function safely(ask) {
    try {
      return ask();
    } catch {
      return null;
    }
  }
  function follow(event) {
    if (event.defaultPrevented) return;
    const link = event.composedPath().find((node) => node instanceof Element && /^(a|area)$/i.test(node.localName));
    const to = link && (link.getAttribute("href") ?? link.getAttribute("xlink:href"));
    if (to === null || to === undefined || /^\s*(#|javascript:)/i.test(to)) return;
    const name = nameOf(to);
    prevent(event);
    if (link.hasAttribute("download")) notice("", TEXTS.no_download);
    else if (name !== null && Object.hasOwn(given.pages, name)) {
      entry = name;
      keep();
      location.reload();
    } else notice(String(to).slice(0, 200), TEXTS.no_link);
  }
  function setListeners() {
    listen(self, "message", receive, true);
    listen(self, "keydown", leave, true);
    listen(self, "click", follow, false);
    listen(self, "auxclick", follow, false);
    listen(self, "pagehide", keep, true);
    for (const kind of ["pointerdown", "click", "keydown", "input", "change", "submit", "scroll", "wheel"]) listen(self, kind, see, true);
    listen(self, "play", mute, true);
  }
  setListeners();
  const openDocument = Document.prototype.open;
  own(document, "open", function (...options) {
    if (options.length > 2) return null;
    const opened = openDocument.call(document);
    setListeners();
    watch(document);
    return opened;
  });
  const writers = { write: Document.prototype.write, writeln: Document.prototype.writeln };
  for (const name of ["write", "writeln"]) {
    own(document, name, (...parts) => {
      // A write after the page was read opens the document anew.
      if (document.readyState === "complete" && !isWriting) {
        isWriting = true;
        document.open();
      }
      return writers[name].apply(document, parts);
    });
  }
  let isWriting = false;
  const closeDocument = Document.prototype.close;
  own(document, "close", () => {
    isWriting = false;
    return closeDocument.call(document);
  });

  function pathOf(element) {
    const steps = [];
    for (let at = element; at && at.nodeType === 1 && steps.length < 12; at = at.parentElement) {
      if (at.id) {
        steps.unshift(`#${CSS.escape(at.id)}`);
        break;
      }
      const same = at.parentElement ? [...at.parentElement.children].filter((each) => each.localName === at.localName) : [];
      steps.unshift(CSS.escape(at.localName) + (same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : ""));
    }
    return steps.join(" > ");
  }

  // @part seeing.js

  // @part sound.js

  // --- What stands at a place, for a pin. A proposal: the page may lie about itself.
  function describe({ x, y }) {
    const element = document.elementFromPoint(Number(x), Number(y));
    if (!element) return null;
    const box = element.getBoundingClientRect();
    return {
      selector: pathOf(element).slice(0, 2000),
      box: [box.x, box.y, box.width, box.height],
      viewport: [self.innerWidth, self.innerHeight],
      text: (element.innerText ?? "").slice(0, 4000),
    };
  }

  // --- The page itself.
  function write(page, kept) {
    if (kept) {
      local.fill(kept.local);
      session.fill(kept.session);
      for (const [name, value] of kept.cookies) cookies.set(name, value);
      entry = kept.entry;
    }
    const urls = new Map();
    const put = (text) => text.replace(/refine-asset:[0-9a-f]{24}/g, (key) => urls.get(key) ?? key);
    const drawings = new Map(); // what a snapshot can show again
    for (const asset of page.assets) {
      const text = put(asset.text);
      urls.set(asset.key, URL.createObjectURL(new Blob([text], { type: asset.type })));
      if (/svg/.test(asset.type) && text.length < 50_000) drawings.set(urls.get(asset.key), text);
    }
    given = { files: page.files, pages: { ...page.pages, [page.entry]: page.html }, urls, texts: drawings };
    const html = entry !== null && Object.hasOwn(given.pages, entry) ? given.pages[entry] : page.html;
    isWriting = true;
    document.open();
    document.write(put(html));
    document.close();
  }

  if (outer === self) {
    document.title = "Refine";
    notice("", TEXTS.no_page);
  } else {
    outer.postMessage("", "*", [new MessageChannel().port1]); // the port is the sign: outside, nothing else is looked at
  }
})();
