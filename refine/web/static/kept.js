// Pages as they stood when something was pinned to them: sent ahead of what is handed in, one at a time. They are hints: one
// that does not arrive costs nobody their work.
(() => {
  "use strict";
  const R = window.Refine;
  const MOST_BYTES = 512 * 1024;
  const MOST_WAITING = 24;
  const AGAIN_MS = 10_000;
  const SETTLE_MS = 4000;

  R.Kept = class {
    #assignment;
    #onKept;
    #waiting = [];
    #sending = null;
    #timer = 0;

    constructor(assignment, { onKept }) {
      this.#assignment = assignment;
      this.#onKept = onKept;
      window.addEventListener("online", () => this.#send());
    }

    /** Keep the page for a note, which is told its name. */
    add(note, html) {
      if (!this.#assignment || this.#waiting.length >= MOST_WAITING || new Blob([html]).size > MOST_BYTES) return;
      this.#waiting.push({ note, html });
      this.#send();
    }

    /** All have arrived, or it is not worth waiting for longer. */
    async settle() {
      this.#send();
      if (this.#waiting.length) await Promise.race([this.#sending, new Promise((resolve) => setTimeout(resolve, SETTLE_MS))]);
    }

    #send() {
      clearTimeout(this.#timer);
      this.#sending ??= this.#sendAll().finally(() => (this.#sending = null));
    }

    async #sendAll() {
      while (this.#waiting.length) {
        const { note, html } = this.#waiting[0];
        const answer = await R.post(`/assignment/${this.#assignment}/page`, { html });
        const isLater = answer.status === 0 || answer.status === 429 || answer.status >= 500;
        if (isLater) return void (this.#timer = setTimeout(() => this.#send(), AGAIN_MS));
        this.#waiting.shift();
        if (answer.status !== 200) continue;
        note.snapshot = answer.body.snapshot;
        this.#onKept();
      }
    }
  };
})();
