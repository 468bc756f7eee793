// The candidates: side by side, one large, or one at a time on a phone; who has the keyboard; what was tried.
(() => {
  "use strict";
  const R = window.Refine;
  const NARROW = matchMedia("(max-width: 720px)");
  const VIEW = "refine:view";
  const TRIED_S = 2;
  const MOST_STEPS = 60;
  const MOST_INPUTS = 1_000_000;

  R.Stage = class {
    cells = new Map();
    tried = {};
    inputs = {};
    trail = {};
    #counted = new WeakMap();
    #heard = new Set();
    #isPictured = false;

    constructor(root, frames, { onChange, onActive, onReport, canReport }) {
      this.root = root;
      this.frames = frames;
      this.letters = frames.map((each) => each.label);
      this.onChange = onChange;
      this.onActive = onActive;
      this.onReport = onReport;
      this.current = this.letters[0];
      this.began = performance.now();
      for (const each of frames) {
        this.tried[each.label] = 0;
        this.inputs[each.label] = 0;
        this.trail[each.label] = [];
        this.#build(each, canReport);
      }
      this.view = this.#storedView();
      this.tabs = new Map(this.letters.map((letter) => [letter, this.#tab(letter)]));
      R.$("tabs").append(...this.tabs.values());
      R.$("view-grid").addEventListener("click", () => this.setView("grid"));
      R.$("view-one").addEventListener("click", () => this.setView("one"));
      NARROW.addEventListener("change", () => this.layOut());
      root.addEventListener("refine-state", (event) => this.#onState(event));
      root.addEventListener("refine-sounds", (event) => this.#onSounds(event.target.getAttribute("label")));
      setInterval(() => this.#count(), 500);
      this.layOut();
    }

    get isNarrow() {
      return NARROW.matches;
    }

    /** The letter of the page that has the keyboard, or "". */
    get active() {
      return this.letters.find((letter) => this.frame(letter)?.state === "active") ?? "";
    }

    frame(letter) {
      return this.cells.get(letter).holder.querySelector("refine-frame");
    }

    select(letter, { andTry = false } = {}) {
      if (!this.cells.has(letter)) return;
      if (this.full && this.full !== letter) this.setFull(letter);
      this.current = letter;
      this.layOut();
      this.onChange();
      if (andTry) this.try(letter);
    }

    step(by) {
      const at = this.letters.indexOf(this.current);
      this.select(this.letters[(at + by + this.letters.length) % this.letters.length]);
    }

    try(letter = this.current) {
      this.frame(letter)?.activate();
    }

    leave() {
      for (const letter of this.letters) this.frame(letter)?.rest();
    }

    reload(letter = this.current) {
      this.#note(letter, "reloaded");
      this.frame(letter)?.show();
    }

    setView(view) {
      this.view = view;
      try {
        localStorage.setItem(VIEW, view);
      } catch {
        /* switched off */
      }
      this.layOut();
    }

    setFull(letter) {
      this.full = this.full === letter ? "" : letter;
      this.layOut();
      this.onChange();
    }

    layOut() {
      const view = this.isNarrow ? "one" : this.view;
      this.root.dataset.view = view;
      this.root.style.setProperty("--columns", this.letters.length > 4 ? 3 : this.letters.length > 1 ? 2 : 1);
      R.$("view-grid").setAttribute("aria-pressed", String(view === "grid"));
      R.$("view-one").setAttribute("aria-pressed", String(view === "one"));
      for (const [letter, cell] of this.cells) {
        const isCurrent = letter === this.current;
        cell.root.classList.toggle("current", isCurrent);
        cell.root.classList.toggle("full", this.full === letter);
        cell.full.setAttribute("aria-pressed", String(this.full === letter));
        // A phone keeps one page running; the others are put away and start afresh when they come back.
        this.#run(letter, !this.isNarrow || isCurrent);
        this.tabs?.get(letter).setAttribute("aria-pressed", String(isCurrent));
      }
    }

    /** Ranks in tabs and cells. */
    mark(rankOf, isBeyond) {
      for (const [letter, cell] of this.cells) {
        const rank = rankOf(letter);
        const said = isBeyond(letter) ? "–" : rank ? String(rank) : "";
        this.tabs.get(letter).querySelector(".rank").textContent = said;
        cell.rank.textContent = said;
      }
    }

    isTried(letter) {
      return this.tried[letter] >= TRIED_S;
    }

    get untried() {
      return this.letters.filter((letter) => !this.isTried(letter));
    }

    /** What a page was like when something was said about it, as far as it can be known from outside. */
    stateOf(letter) {
      const box = this.cells.get(letter).holder.getBoundingClientRect();
      return {
        viewport: [Math.round(box.width), Math.round(box.height)],
        tried_s: Math.round(this.tried[letter]),
        pixel_ratio: window.devicePixelRatio,
        is_touch: matchMedia("(pointer: coarse)").matches,
        view: this.full === letter ? "full" : this.root.dataset.view,
      };
    }

    /** What was done with the page, oldest first: what is seen from here, and what it told of itself. */
    trailOf(letter, told = []) {
      const now = this.#time();
      const steps = told.map(({ ago_s, what, on, key }) => ({ at_s: now - ago_s, what, on, ...(key ? { key } : {}) }));
      return [...this.trail[letter], ...steps].sort((one, other) => one.at_s - other.at_s).slice(-MOST_STEPS);
    }

    /** Letter -> [seconds in use, inputs]. */
    get triedValue() {
      return Object.fromEntries(this.letters.map((letter) => [letter, [this.tried[letter], this.inputs[letter]]]));
    }

    #storedView() {
      try {
        return localStorage.getItem(VIEW) === "one" ? "one" : "grid";
      } catch {
        return "grid";
      }
    }

    #tab(letter) {
      return R.el(
        "button",
        { type: "button", onclick: () => this.select(letter) },
        R.el("span", { class: "unseen" }, R.t("stage.page", { letter })),
        R.el("span", { "aria-hidden": "true" }, letter),
        R.el("span", { class: "rank" }),
      );
    }

    /** On a phone the pages that are put away are pictures, once the one in use is there. */
    #showPictures() {
      if (this.#isPictured || !this.isNarrow) return;
      this.#isPictured = true;
      for (const { label, picture } of this.frames) {
        if (!picture) continue;
        const image = () => R.el("img", { src: picture, alt: "", decoding: "async" });
        this.cells.get(label).holder.prepend(R.el("div", { class: "picture", "aria-hidden": "true" }, image()));
        this.tabs.get(label).prepend(image());
      }
      R.$("tabs").classList.toggle("pictured", Boolean(this.frames[0].picture));
    }

    #build(each, canReport) {
      const letter = each.label;
      const tool = (text, label, click) =>
        R.el("button", { type: "button", "aria-label": label, title: label, onclick: (event) => (event.stopPropagation(), click()) }, text);
      const full = tool("⤢", R.t("stage.full", { letter }), () => (this.select(letter), this.setFull(letter)));
      const cell = {
        full,
        said: R.el("span", { class: "said" }),
        rank: R.el("span", { class: "tag" }),
        holder: R.el("div", { class: "holder" }),
      };
      cell.sound = tool("🔇", R.t("stage.sound", { letter }), () => this.#hear(letter));
      cell.sound.hidden = true;
      cell.sound.setAttribute("aria-pressed", "false");
      const tools = R.el("span", { class: "tools" }, cell.sound, tool("↻", R.t("stage.again", { letter }), () => this.reload(letter)), full);
      if (canReport) tools.append(tool("⚑", R.t("stage.report", { letter }), () => this.onReport(letter)));
      const head = R.el("header", { onclick: () => this.select(letter) }, R.el("span", { class: "letter" }, letter), cell.rank, cell.said, tools);
      cell.root = R.el("section", { class: "cell", id: `cell-${letter}`, "aria-label": R.t("stage.page", { letter }) }, head, cell.holder);
      cell.marks = R.el("div", { class: "marks", "aria-hidden": "true" });
      cell.holder.append(cell.marks);
      this.cells.set(letter, cell);
      this.root.append(cell.root);
      this.#sayTried(letter);
    }

    #run(letter, isRunning) {
      const { holder, marks } = this.cells.get(letter);
      const frame = this.frame(letter);
      const paused = holder.querySelector(".paused");
      if (isRunning && !frame) {
        paused?.remove();
        const { src, page } = this.frames.find((each) => each.label === letter);
        const made = R.el("refine-frame", { src, page, label: letter });
        if (this.#heard.has(letter)) made.allowSound();
        marks.before(made); // over its picture
      } else if (!isRunning && frame) {
        this.#countInputs(letter, frame);
        frame.remove();
        if (this.#lastActive === letter) this.#activeIs("");
      }
      if (!isRunning && !paused) marks.before(R.el("div", { class: "paused" }, R.el("b", {}, letter), R.t("stage.paused")));
    }

    #lastActive = "";

    #onState(event) {
      const letter = event.target.getAttribute("label");
      const { state } = event.detail;
      if (state === "active") {
        this.#note(letter, "used");
        if (this.current !== letter) {
          this.current = letter;
          this.layOut();
        }
      } else if (!["loading", "ready"].includes(state)) this.#note(letter, state);
      if (state !== "loading") this.#showPictures();
      this.#activeIs(this.active);
      this.onChange();
    }

    #activeIs(letter) {
      if (letter === this.#lastActive) return;
      if (this.#lastActive) this.#note(this.#lastActive, "left");
      this.#lastActive = letter;
      for (const [each, cell] of this.cells) cell.root.classList.toggle("using", each === letter);
      this.#sayKeyboard(letter);
      this.onActive(letter);
    }

    #sayKeyboard(letter) {
      const bar = R.$("keyboard");
      bar.classList.toggle("theirs", Boolean(letter));
      if (letter) {
        const back = R.el("button", { type: "button", onclick: () => this.leave() }, R.t("keyboard.back"));
        bar.replaceChildren(R.t(this.isNarrow ? "keyboard.using" : "keyboard.theirs", { letter }), back);
      } else bar.replaceChildren(this.isNarrow ? R.t("keyboard.tap") : R.t("keyboard.ours", { keys: `${this.letters[0]}–${this.letters.at(-1)}, 1–${this.letters.length}, ?` }));
    }

    /** It would make a sound: the labeler is asked, by a button, whether it may. */
    #onSounds(letter) {
      this.cells.get(letter).sound.hidden = false;
      this.#note(letter, "sound");
    }

    #hear(letter) {
      const { sound } = this.cells.get(letter);
      this.#heard.add(letter);
      this.frame(letter)?.allowSound();
      sound.textContent = "🔊";
      sound.setAttribute("aria-pressed", "true");
      this.#note(letter, "heard");
    }

    #time() {
      return Math.round((performance.now() - this.began) / 1000);
    }

    #note(letter, what) {
      const trail = this.trail[letter];
      trail.push({ at_s: this.#time(), what });
      if (trail.length > 2 * MOST_STEPS) trail.splice(0, MOST_STEPS);
    }

    /** What a frame counts begins anew with each frame. */
    #countInputs(letter, frame) {
      const before = this.#counted.get(frame) ?? 0;
      this.inputs[letter] = Math.min(MOST_INPUTS, this.inputs[letter] + frame.inputs - before);
      this.#counted.set(frame, frame.inputs);
    }

    #count() {
      for (const each of this.letters) {
        const frame = this.frame(each);
        if (frame) this.#countInputs(each, frame);
      }
      const letter = this.active;
      if (!letter || document.hidden) return;
      const was = this.isTried(letter);
      this.tried[letter] += 0.5;
      if (!was || this.tried[letter] % 5 === 0) this.#sayTried(letter);
      if (was !== this.isTried(letter)) this.onChange();
    }

    restoreTried(saved) {
      for (const letter of this.letters) {
        const [seconds, inputs] = [].concat(saved?.[letter] ?? 0).map(Number);
        if (Number.isFinite(seconds) && seconds > 0) this.tried[letter] = Math.min(seconds, 86_400);
        if (Number.isSafeInteger(inputs) && inputs > 0) this.inputs[letter] = Math.min(inputs, MOST_INPUTS);
        this.#sayTried(letter);
      }
      this.#sayKeyboard("");
    }

    #sayTried(letter) {
      const { said } = this.cells.get(letter);
      const is = this.isTried(letter);
      said.textContent = is ? R.t("stage.tried", { seconds: Math.round(this.tried[letter]) }) : R.t("stage.untried");
      said.classList.toggle("untried", !is);
      this.tabs?.get(letter).classList.toggle("untried", !is);
    }
  };
})();
