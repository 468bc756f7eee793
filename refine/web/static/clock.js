// Time on task: seconds in which the page was visible and had input within a minute. What is done inside a page's frame
// cannot be seen from here, so being in one counts for three minutes since it was entered or left.
(() => {
  "use strict";
  const R = window.Refine;
  const IDLE_MS = 60_000;
  const IN_FRAME_MS = 180_000;
  const BEAT_S = 45;
  const BREAK_AFTER_S = 50 * 60;
  const BREAK_MS = 5 * 60_000;
  const TALLY = "refine:at-work";

  R.Clock = class {
    #pending = 0;
    #seen = performance.now();
    #at = performance.now();
    #isInFrame = false;
    #beat;
    #onBreak;

    constructor({ beat, onBreak }) {
      this.#beat = beat;
      this.#onBreak = onBreak;
      const seen = () => (this.#seen = performance.now());
      for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "focusin"]) {
        window.addEventListener(kind, seen, { capture: true, passive: true });
      }
      setInterval(() => this.#tick(), 1000);
      document.addEventListener("visibilitychange", () => document.hidden && this.send());
    }

    /** Whether a frame has the keyboard. */
    inFrame(is) {
      this.#isInFrame = is;
      this.#seen = performance.now();
    }

    get isActive() {
      const idle = performance.now() - this.#seen;
      return !document.hidden && idle < (this.#isInFrame ? IN_FRAME_MS : IDLE_MS);
    }

    /** Seconds that were not sent yet; they are taken as sent. */
    take() {
      const seconds = this.#pending;
      this.#pending = 0;
      return Math.round(seconds * 10) / 10;
    }

    async send() {
      const seconds = this.take();
      if (seconds > 0 && !(await this.#beat(seconds))) this.#pending += seconds;
    }

    #tick() {
      const now = performance.now();
      const passed = Math.min(2, (now - this.#at) / 1000); // a machine that slept was not at work
      this.#at = now;
      if (!this.isActive) return;
      this.#pending += passed;
      this.#tally(passed);
      if (this.#pending >= BEAT_S) this.send();
    }

    #tally(passed) {
      let tally = { seconds: 0, at: 0 };
      try {
        tally = { ...tally, ...JSON.parse(sessionStorage.getItem(TALLY) ?? "{}") };
      } catch {
        /* switched off */
      }
      if (Date.now() - tally.at > BREAK_MS) tally.seconds = 0;
      tally.seconds += passed;
      tally.at = Date.now();
      if (tally.seconds > BREAK_AFTER_S) {
        tally.seconds = 0;
        this.#onBreak();
      }
      try {
        sessionStorage.setItem(TALLY, JSON.stringify(tally));
      } catch {
        /* switched off */
      }
    }
  };
})();
