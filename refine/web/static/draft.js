// The draft: kept in this browser at once, on the server a moment later, and across devices by its revision.
(() => {
  "use strict";
  const R = window.Refine;
  const PREFIX = "refine:draft:";
  const KEPT_MS = 14 * 86_400_000;
  const PAUSE_MS = 700;

  const store = {
    get(name) {
      try {
        return JSON.parse(localStorage.getItem(PREFIX + name) ?? "null");
      } catch {
        return null;
      }
    },
    set(name, value) {
      try {
        localStorage.setItem(PREFIX + name, JSON.stringify(value));
      } catch {
        /* full or switched off: the server has it in a moment */
      }
    },
    drop(name) {
      try {
        localStorage.removeItem(PREFIX + name);
      } catch {
        /* as above */
      }
    },
    sweep() {
      try {
        for (const name of Object.keys(localStorage)) {
          if (!name.startsWith(PREFIX)) continue;
          const kept = store.get(name.slice(PREFIX.length));
          if (!kept || Date.now() - kept.at > KEPT_MS) localStorage.removeItem(name);
        }
      } catch {
        /* as above */
      }
    },
  };

  R.Draft = class {
    #assignment;
    #say;
    #onOther;
    #timer = 0;
    #isSaving = false;
    #isDirty = false;
    #wait = 1000;
    #isOver = false;

    /** `say(state)` tells saved, saving, offline, signed_out; `onOther(payload)` that another device has saved since. */
    constructor(assignment, { revision, payload }, { say, onOther }) {
      this.#assignment = assignment;
      this.revision = revision;
      this.payload = payload;
      this.#say = say;
      this.#onOther = onOther;
      if (!assignment) return;
      store.sweep();
      const kept = store.get(assignment);
      // What this browser could not send stands ahead of what the server has, unless another device saved meanwhile.
      if (kept && kept.isUnsent && kept.revision === revision) {
        this.payload = kept.payload;
        this.#isDirty = true;
        this.#later(0);
      } else if (kept && kept.isUnsent && JSON.stringify(kept.payload) !== JSON.stringify(payload)) {
        this.mine = kept.payload;
      }
      this.pending = kept?.pending ?? null;
      window.addEventListener("online", () => this.#later(0));
      window.addEventListener("pagehide", () => this.#last());
      document.addEventListener("visibilitychange", () => document.hidden && this.#isDirty && this.#later(0));
    }

    /** Take what was saved elsewhere, at its revision, as the one to go on from. */
    adopt(payload, revision) {
      this.payload = payload;
      this.revision = revision;
      this.#isDirty = false;
      this.#keep();
    }

    change(payload) {
      this.payload = payload;
      if (!this.#assignment || this.#isOver) return;
      this.#isDirty = true;
      this.#keep();
      this.#later(PAUSE_MS);
    }

    /** What is being handed in, so that it can be sent again after a reload: with the same key it is handed in once. */
    keepPending(pending) {
      this.pending = pending;
      this.#keep();
    }

    /** Everything was handed in. */
    end() {
      this.#isOver = true;
      clearTimeout(this.#timer);
      store.drop(this.#assignment);
    }

    async flush() {
      clearTimeout(this.#timer);
      await this.#save();
    }

    #keep() {
      store.set(this.#assignment, {
        revision: this.revision,
        payload: this.payload,
        isUnsent: this.#isDirty,
        pending: this.pending ?? null,
        at: Date.now(),
      });
    }

    #later(ms) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#save(), ms);
    }

    async #save() {
      if (!this.#isDirty || this.#isSaving || this.#isOver) return;
      this.#isSaving = true;
      this.#isDirty = false;
      this.#say("saving");
      const payload = this.payload;
      const answer = await R.post(`/assignment/${this.#assignment}/draft`, { revision: this.revision, payload });
      this.#isSaving = false;
      if (this.#isOver) return;
      if (answer.status === 200) {
        this.revision = answer.body.revision;
        this.#wait = 1000;
        this.#keep();
        this.#say("saved");
        if (this.#isDirty) this.#later(PAUSE_MS);
      } else if (answer.status === 409 && answer.body.code === "other_device") {
        this.#say("saved");
        this.#onOther(answer.body.payload, answer.body.revision, payload);
      } else {
        this.#isDirty = true;
        this.#keep();
        this.#say(answer.status === 401 ? "signed_out" : "offline");
        this.#wait = Math.min(30_000, this.#wait * 2);
        this.#later(this.#wait);
      }
    }

    #last() {
      if (!this.#isDirty || this.#isOver) return;
      this.#keep();
      const body = { revision: this.revision, payload: this.payload };
      if (JSON.stringify(body).length < 60_000) R.post(`/assignment/${this.#assignment}/draft`, body, { keepalive: true });
    }
  };
})();
