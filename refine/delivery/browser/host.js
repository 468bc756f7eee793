// <refine-frame>: a candidate in a page of ours. The page around it stays the labeler's: a frame is inert until it is
// clicked and whenever the labeler is elsewhere; one that floods, hangs or leaves is taken away.
//
//   <refine-frame src="frame's document" page="where its candidate is got" label="A"></refine-frame>
//
// It fires `refine-state` (detail.state: loading, ready, active, hung, flooded, left, greedy, failed), `refine-sounds` when the
// candidate would make a sound, and nothing else: no message of a frame is ever an answer of the labeler. `element.state` says
// the same; `element.show()` loads it afresh; `await element.describe(x, y)` asks the candidate what stands there, and
// `await element.record()` how it is now (untrusted, size-capped, or null); `element.inputs` counts what it says it was given;
// `element.allowSound()` lets it be heard. `customElements.get("refine-frame").speak({name: text})` sets what frames say.
(() => {
  "use strict";

  const MOST_MESSAGES = 120; // a second
  const MOST_LOADS = 8; // in ten seconds
  const MOST_THEFTS = 4; // of the keyboard, in a minute
  const PING_MS = 1000;
  const GRACE_MS = 500;
  const LEFT_MS = 2000;
  const HUNG_MS = 5000;
  const REMOVE_MS = 20000;
  const frames = new Set();
  const texts = new Map(); // URL of a library -> promise of its text: fetched once for all frames, and cached for good

  const STYLE = `
    :host { display: block; position: relative; min-height: 120px; contain: strict; background: #fff; overflow: clip; }
    iframe { border: 0; width: 100%; height: 100%; display: block; background: #fff; color-scheme: normal; }
    button, .over { position: absolute; inset: 0; border: 0; padding: 0; width: 100%; height: 100%; background: none; }
    button.shield { cursor: pointer; }
    button.shield span { position: absolute; left: 50%; bottom: 14px; transform: translateX(-50%); white-space: nowrap;
      font: 500 13px/1 system-ui, sans-serif; color: #fff; background: #111827d9; border-radius: 999px; padding: 9px 14px;
      opacity: 0; transition: opacity .15s; pointer-events: none; }
    button.shield:hover span, button.shield:focus-visible span { opacity: 1; }
    button.shield:focus-visible { outline: 3px solid #2563eb; outline-offset: -3px; }
    .over { display: grid; place-content: center; justify-items: center; gap: 14px; text-align: center; background: #f9fafb;
      font: 15px/1.5 system-ui, sans-serif; color: #374151; padding: 24px; box-sizing: border-box; }
    .over button { position: static; width: auto; height: auto; font: inherit; font-weight: 500; color: #fff;
      background: #2563eb; border-radius: 8px; padding: 8px 16px; cursor: pointer; }
    .over p { margin: 0; max-width: 40ch; }
    [hidden] { display: none; }
    @media (prefers-color-scheme: dark) { .over { background: #111827; color: #d1d5db; } }
  `;
  const SAYS = {
    hung: "This page has stopped responding.",
    flooded: "This page was stopped: it sent messages without end.",
    left: "This page left for somewhere else, or broke down.",
    greedy: "This page was stopped: it kept taking the keyboard.",
    failed: "This page could not be loaded.",
    use: "Click to use this page · Alt+Shift+X leaves it",
    use_page: "Use page {label}",
    page: "Page {label}",
    again: "Show it again",
  };
  let shimTexts = {}; // what the shim says, by its own names
  const MOST_INPUTS = 50; // a second
  const MOST_TOLD = 2_000_000; // characters of a record, with its snapshot

  class RefineFrame extends HTMLElement {
    #shadow = this.attachShadow({ mode: "closed" });
    #frame = null;
    #shield = null;
    #over = null;
    #port = null;
    #page = null;
    #state = "";
    #heardAt = 0;
    #second = 0;
    #messages = 0;
    #loads = [];
    #thefts = [];
    #restedAt = -Infinity;
    #waiting = [];
    #kept = null;
    #pongs = 0;
    #records = new Map();
    #asked = 0;
    #inputs = 0;
    #inputsTold = 0;
    #hasSound = false;

    /** What frames made from now on say, by the names in SAYS; `shim.…` are texts of the shim. `{label}` is the frame's. */
    static speak(texts) {
      for (const name of Object.keys(SAYS)) if (typeof texts[name] === "string") SAYS[name] = texts[name];
      shimTexts = Object.fromEntries(
        Object.entries(texts).filter(([name]) => name.startsWith("shim.")).map(([name, text]) => [name.slice(5), text]),
      );
    }

    #text(name) {
      return SAYS[name].replace("{label}", () => this.getAttribute("label") ?? "");
    }

    connectedCallback() {
      if (!this.#shield) {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(STYLE);
        this.#shadow.adoptedStyleSheets = [sheet];
        this.#shield = document.createElement("button");
        this.#shield.className = "shield";
        this.#shield.type = "button";
        this.#shield.append(document.createElement("span"));
        this.#shield.firstChild.textContent = this.#text("use");
        this.#shield.setAttribute("aria-label", this.#text("use_page"));
        this.#shield.addEventListener("click", () => this.activate());
        this.#over = document.createElement("div");
        this.#over.className = "over";
        this.#over.hidden = true;
        this.#over.setAttribute("role", "status");
        const said = document.createElement("p");
        const again = document.createElement("button");
        again.type = "button";
        again.textContent = this.#text("again");
        again.addEventListener("click", () => this.show());
        this.#over.append(said, again);
        this.#shadow.append(this.#shield, this.#over);
      }
      frames.add(this);
      this.show();
    }

    disconnectedCallback() {
      frames.delete(this);
      this.#drop();
    }

    get state() {
      return this.#state;
    }

    /** Load the candidate, afresh if it is there already. */
    show() {
      this.#drop();
      const frame = document.createElement("iframe");
      frame.setAttribute("sandbox", "allow-scripts allow-forms");
      frame.setAttribute("allow", "");
      frame.setAttribute("referrerpolicy", "no-referrer");
      frame.setAttribute("scrolling", "auto");
      frame.addEventListener("load", () => this.#onLoad());
      frame.title = this.#text("page");
      frame.inert = true;
      this.#loads = [];
      this.#thefts = [];
      this.#kept = null;
      this.#inputsTold = 0;
      this.#page ??= fetchPage(this.getAttribute("page"));
      this.#page.catch(() => this.#end("failed"));
      this.#set("loading");
      this.#over.hidden = true;
      this.#shield.hidden = false;
      this.#frame = frame;
      frame.src = this.getAttribute("src");
      this.#shadow.prepend(frame); // in a shadow tree it is in nobody's window.frames: neighbours cannot find it
    }

    /** Give the keyboard and the mouse to this frame alone. */
    activate() {
      if (!this.#frame || this.#state === "loading") return;
      for (const other of frames) if (other !== this) other.rest();
      this.#frame.inert = false;
      this.#shield.hidden = true;
      this.#frame.focus({ preventScroll: true });
      this.#port?.postMessage("active");
      this.#set("active");
    }

    /** Take them back. */
    rest() {
      if (!this.#frame || this.#frame.inert) return;
      const hadFocus = document.activeElement === this;
      this.#frame.inert = true;
      this.#restedAt = performance.now();
      this.#shield.hidden = false;
      this.#port?.postMessage("rest");
      if (hadFocus) this.#frame.blur();
      if (this.#state === "active") this.#set("ready");
    }

    /** Whether it took the keyboard without having been clicked; if so, it is given back. */
    ask() {
      if (this.#state !== "active") this.#port?.postMessage("focused?");
    }

    /** The same, unless the person has only just left it: its browser may not know yet. */
    askAgain() {
      if (performance.now() - this.#restedAt > GRACE_MS) this.ask();
    }

    async describe(x, y) {
      if (!this.#port || this.#waiting.length > 4) return null;
      const port = this.#port;
      return new Promise((resolve) => {
        this.#waiting.push(resolve);
        setTimeout(() => resolve(null), 2000);
        port.postMessage({ describe: true, x: Number(x), y: Number(y) });
      });
    }

    /** How the candidate is now: {state, trail, html}; the html is inert and may be null. Null where it does not say. */
    async record() {
      if (!this.#port || this.#records.size > 2) return null;
      const id = (this.#asked += 1);
      const said = new Promise((resolve) => {
        this.#records.set(id, resolve);
        setTimeout(() => resolve(null), 3000);
      });
      this.#port.postMessage({ record: id });
      const found = await said;
      this.#records.delete(id);
      return found;
    }

    /** Clicks and keys, as the candidate counted them while it was in use. */
    get inputs() {
      return this.#inputs;
    }

    /** Let the candidate be heard from now on. */
    allowSound() {
      this.#hasSound = true;
      this.#port?.postMessage("sound");
    }

    /** Whether a window is this frame's, or is nested in it. */
    holds(source) {
      const mine = this.#frame?.contentWindow;
      try {
        for (let at = source, depth = 0; at && mine && depth < 8; at = at.parent, depth += 1) {
          if (at === mine) return true;
          if (at === at.parent) return false;
        }
      } catch {
        /* gone */
      }
      return false;
    }

    hear(event) {
      if (!this.#count()) return;
      // A document of ours sends a port. Nobody reads what a message says: a browser makes its data when it is asked for
      // them, and millions of objects take seconds.
      if (event.source !== this.#frame.contentWindow || event.ports.length !== 1) return;
      event.ports[0].close();
      const now = performance.now();
      this.#loads = [...this.#loads.filter((at) => now - at < 10_000), now];
      if (this.#loads.length > MOST_LOADS) return this.#end("flooded");
      this.#deliver(this.#frame);
    }

    tick(now) {
      if (!this.#port || !this.#frame) return;
      if (document.hidden) {
        this.#heardAt = now; // browsers slow hidden frames down
        return;
      }
      const silent = now - this.#heardAt;
      if (silent > REMOVE_MS) this.#end("hung");
      else if (silent > HUNG_MS && this.#state !== "hung") {
        this.rest();
        this.#say("hung");
      } else if (silent < HUNG_MS && this.#state === "hung") {
        this.#over.hidden = true;
        this.#set("ready");
      }
      if (this.#port) this.#port.postMessage("ping");
    }

    async #deliver(frame) {
      await new Promise((resolve) => setTimeout(resolve, 0)); // what the last document kept is heard first
      let page;
      try {
        page = await this.#page;
      } catch {
        return;
      }
      if (frame !== this.#frame) return;
      this.#port?.close();
      const channel = new MessageChannel();
      this.#port = channel.port1;
      this.#port.onmessage = (event) => this.#answer(event.data);
      this.#heardAt = performance.now() + 5000; // reading a big page takes its time
      frame.contentWindow.postMessage({ refine: "page", page, kept: this.#kept, texts: shimTexts }, "*", [channel.port2]);
      if (this.#hasSound) this.#port.postMessage("sound");
      if (this.#state === "loading") this.#set("ready");
    }

    /** Told by the shim, in texts alone; what is in them may be the page's. */
    #answer(text) {
      if (!this.#count() || typeof text !== "string") return;
      if (text === "pong") {
        this.#pongs += 1;
        this.#heardAt = Math.max(this.#heardAt, performance.now());
      } else if (text === "leave") this.rest();
      else if (text === "took") this.#onTaken();
      else if (text === "sounds") {
        if (!this.#hasSound) this.dispatchEvent(new CustomEvent("refine-sounds", { bubbles: true }));
      } else if (text.startsWith("kept:")) this.#kept = text.slice(5);
      else if (text.startsWith("{") && text.length < MOST_TOLD) this.#answerRecord(parsed(text));
    }

    #answerRecord(data) {
      if (!data) return;
      if ("described" in data) this.#waiting.shift()?.(capped(data.described));
      else if ("recorded" in data) this.#records.get(data.id)?.(cappedRecord(data.recorded));
      else if (Number.isSafeInteger(data.inputs)) this.#countInputs(data.inputs);
    }

    /** No more than a person could give, whatever is said. */
    #countInputs(told) {
      this.#inputs += Math.max(0, Math.min(told - this.#inputsTold, 2 * MOST_INPUTS));
      this.#inputsTold = told;
    }

    #count() {
      const second = Math.floor(performance.now() / 1000);
      if (second !== this.#second) {
        this.#second = second;
        this.#messages = 0;
      }
      this.#messages += 1;
      if (this.#messages <= MOST_MESSAGES) return Boolean(this.#frame);
      this.#end("flooded");
      return false;
    }

    /** The keyboard is in this frame, which nobody clicked: seen from here, whatever the frame says of it. */
    stolen() {
      if (this.#frame?.inert && document.activeElement === this) this.#onTheft();
    }

    /** To this frame, if it is the one in use. */
    takeBack() {
      if (!this.#frame || this.#frame.inert) return false;
      window.focus();
      this.#frame.blur(); // Chromium takes it for focused still
      this.#frame.focus({ preventScroll: true });
      return true;
    }

    /** It says so itself, and is believed: a lie is counted against it as the truth is. */
    #onTaken() {
      if (this.#frame?.inert) this.#onTheft();
    }

    #onTheft() {
      const now = performance.now();
      const before = this.#thefts.at(-1) ?? -Infinity;
      if (now - before > 100) this.#thefts = [...this.#thefts.filter((at) => now - at < 60_000), now]; // seen and told: one
      if (this.#thefts.length > MOST_THEFTS) this.#end("greedy");
      takeBack();
    }

    /** A document has loaded that may be none of ours: a browser's word on a navigation that it did not allow. */
    #onLoad() {
      const port = this.#port;
      const heard = this.#pongs;
      if (!port) return;
      port.postMessage("ping");
      setTimeout(() => {
        if (port === this.#port && heard === this.#pongs) this.#end("left");
      }, LEFT_MS);
    }

    #say(state) {
      this.#over.firstChild.textContent = this.#text(state);
      this.#over.hidden = false;
      this.#set(state);
    }

    #end(state) {
      if (!this.#frame) return;
      this.#drop();
      this.#shield.hidden = true;
      this.#say(state);
    }

    #drop() {
      const hadFocus = this.#frame && document.activeElement === this && !this.#frame.inert;
      this.#port?.close();
      this.#port = null;
      this.#frame?.remove();
      this.#frame = null;
      if (hadFocus) window.focus();
    }

    #set(state) {
      if (state === this.#state) return;
      this.#state = state;
      this.setAttribute("state", state);
      this.dispatchEvent(new CustomEvent("refine-state", { bubbles: true, detail: { state } }));
    }
  }

  async function fetchPage(path) {
    const answer = await fetch(path, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const page = await answer.json();
    page.assets = await Promise.all(
      page.assets.map(async (asset) => ({ key: asset.key, type: asset.type, text: asset.text ?? (await fetchText(asset.url)) })),
    );
    return page;
  }

  function fetchText(url) {
    if (!texts.has(url)) {
      const text = fetch(url, { redirect: "error" }).then((answer) => {
        if (!answer.ok) throw new Error(`${answer.status}`);
        return answer.text();
      });
      text.catch(() => texts.delete(url));
      texts.set(url, text);
    }
    return texts.get(url);
  }

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  function capped(proposal) {
    if (!proposal || typeof proposal !== "object") return null;
    const numbers = (value, length) =>
      Array.isArray(value) && value.length === length && value.every((each) => Number.isFinite(each)) ? value : null;
    const box = numbers(proposal.box, 4);
    const viewport = numbers(proposal.viewport, 2);
    if (!box || !viewport || typeof proposal.selector !== "string" || typeof proposal.text !== "string") return null;
    return { box, viewport, selector: proposal.selector.slice(0, 2000), text: proposal.text.slice(0, 4000) };
  }

  const MOST_HTML = 512 * 1024;
  function cappedRecord(record) {
    if (!record || typeof record !== "object") return null;
    const text = (value, most) => (typeof value === "string" ? value.slice(0, most) : "");
    const list = (value, most) => (Array.isArray(value) ? value.slice(-most) : []);
    const number = (value) => (Number.isFinite(value) ? Math.round(Math.max(-1e7, Math.min(1e7, value))) : 0);
    const { state, trail, html } = record;
    return {
      state: {
        scroll: [number(state?.scroll?.[0]), number(state?.scroll?.[1])],
        size: [number(state?.size?.[0]), number(state?.size?.[1])],
        hash: text(state?.hash, 200),
        focused: text(state?.focused, 200),
        open: list(state?.open, 8).map((each) => text(each, 120)),
      },
      trail: list(trail, 40).map((each) => ({
        ago_s: Math.max(0, number(each?.ago_s)),
        what: text(each?.what, 16),
        on: text(each?.on, 120),
        key: text(each?.key, 16),
      })),
      html: typeof html === "string" && html.length <= MOST_HTML ? html : null,
    };
  }

  // Nobody else in this page hears what other windows say: not the frames, nor one that is gone while its words still come.
  window.addEventListener("message", (event) => {
    if (event.source === window) return;
    event.stopImmediatePropagation();
    for (const frame of frames) if (frame.holds(event.source)) return frame.hear(event);
  }, true);
  setInterval(() => {
    const now = performance.now();
    for (const frame of frames) frame.tick(now);
  }, PING_MS);

  // The labeler is elsewhere: whatever they press or type is not a frame's.
  const restAll = (event) => {
    for (const frame of frames) if (event.target !== frame) frame.rest();
  };
  for (const kind of ["pointerdown", "focusin", "keydown"]) document.addEventListener(kind, restAll, true);

  // While one frame is in use, another may take the keyboard from it; nothing in this page tells of it (Chromium leaves even
  // the active element as it was), so the others are asked.
  const WATCH_MS = 200;
  setInterval(() => {
    if ([...frames].some((frame) => frame.state === "active")) for (const frame of frames) frame.askAgain();
  }, WATCH_MS);

  // A frame may take the keyboard without having been clicked, inert or not: Chromium lets it. This window then loses the
  // keyboard, and the frame that has it is its active element. Frames are asked too, for browsers that do not say.
  let last = null;
  document.addEventListener("focusin", (event) => {
    if (!(event.target instanceof RefineFrame)) last = event.target;
  });
  window.addEventListener("blur", () => {
    for (const frame of frames) frame.ask();
    const at = document.activeElement;
    if (at instanceof RefineFrame) at.stolen();
  });
  function takeBack() {
    for (const frame of frames) if (frame.takeBack()) return;
    const target = last?.isConnected ? last : document.body;
    const selection = [target.selectionStart, target.selectionEnd, target.selectionDirection];
    window.focus();
    target.blur();
    target.focus({ preventScroll: true });
    if (typeof selection[0] === "number") target.setSelectionRange(...selection);
  }

  // This page stays where the person, or its own code, scrolled it to: Chromium lets a frame scroll it.
  let meant = -Infinity;
  let place = [window.scrollX, window.scrollY];
  const mean = () => (meant = performance.now());
  for (const kind of ["wheel", "touchmove", "pointerdown", "pointerup", "resize"]) {
    window.addEventListener(kind, mean, { capture: true, passive: true });
  }
  window.addEventListener("keydown", (event) => {
    const isTyping = event.target.isContentEditable || event.target.matches?.("input, textarea, select");
    if (!isTyping || event.key === "Tab") mean();
  }, true);
  for (const [owner, names] of [[window, ["scroll", "scrollTo", "scrollBy"]], [Element.prototype, ["scrollIntoView"]]]) {
    for (const name of names) {
      const native = owner[name];
      owner[name] = function (...options) {
        mean();
        return native.apply(this, options);
      };
    }
  }
  const scrollBack = window.scrollTo.bind(window);
  window.addEventListener("scroll", () => {
    // A browser that restores the place of a page it had before does so while nothing is in the frames yet.
    const states = [...frames].map((frame) => frame.state);
    const isEarly = states.every((state) => state === "loading");
    const isMeant = isEarly || states.includes("active") || performance.now() - meant < 1000;
    if (isMeant) place = [window.scrollX, window.scrollY];
    else if (window.scrollX !== place[0] || window.scrollY !== place[1]) putBack();
  }, { passive: true });
  function putBack() {
    const before = meant;
    scrollBack({ left: place[0], top: place[1], behavior: "instant" });
    meant = before;
  }

  customElements.define("refine-frame", RefineFrame);
})();
