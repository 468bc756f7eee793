// A ranking in the making: shelves from the best down, each for one page or several that are alike. No elements here.
(() => {
  "use strict";
  const R = window.Refine;

  R.Shelves = class {
    #past = [];

    constructor(letters, { shelves = [], unjudgeable = {} } = {}) {
      this.letters = letters;
      this.rows = letters.map(() => []);
      this.unjudgeable = {};
      const known = new Set(letters);
      // What was saved is read with care: it may be of another version of this page.
      shelves.slice(0, letters.length).forEach((shelf, n) => {
        for (const letter of shelf) if (known.delete(letter)) this.rows[n].push(letter);
      });
      for (const [letter, reason] of Object.entries(unjudgeable)) {
        if (known.delete(letter)) this.unjudgeable[letter] = String(reason);
      }
    }

    /** 0 for the best; -1 for what stands on no shelf. */
    shelfOf(letter) {
      return this.rows.findIndex((row) => row.includes(letter));
    }

    /** Its rank as it would be handed in, from 1; 0 where it has none. */
    rankOf(letter) {
      const at = this.shelfOf(letter);
      return at < 0 ? 0 : this.rows.slice(0, at + 1).filter((row) => row.length).length;
    }

    isBeyond(letter) {
      return letter in this.unjudgeable;
    }

    get unplaced() {
      return this.letters.filter((letter) => this.shelfOf(letter) < 0 && !this.isBeyond(letter));
    }

    get groups() {
      return this.rows.filter((row) => row.length).map((row) => [...row]);
    }

    get value() {
      return { shelves: this.rows.map((row) => [...row]), unjudgeable: { ...this.unjudgeable } };
    }

    /** Put it on a shelf, beside what is there. */
    place(letter, shelf) {
      if (shelf < 0 || shelf >= this.rows.length || this.shelfOf(letter) === shelf) return false;
      this.#remember();
      this.#take(letter);
      this.rows[shelf].push(letter);
      this.rows[shelf].sort();
      return true;
    }

    /** Put it on a shelf of its own, ahead of what is on shelf `shelf`. */
    insert(letter, shelf) {
      this.#remember();
      const before = this.rows.slice(0, shelf).filter((row) => row.some((each) => each !== letter)).length;
      this.#take(letter);
      const rows = this.groups;
      rows.splice(before, 0, [letter]);
      this.rows = this.letters.map((_, n) => rows[n] ?? []);
      return true;
    }

    /** One shelf up (-1) or down (1); what stands nowhere comes in from the other end. */
    move(letter, by) {
      const at = this.shelfOf(letter);
      const to = at >= 0 ? at + by : by < 0 ? this.rows.length - 1 : 0;
      return this.place(letter, Math.max(0, Math.min(this.rows.length - 1, to)));
    }

    /** Off all shelves. */
    remove(letter) {
      if (this.shelfOf(letter) < 0 && !this.isBeyond(letter)) return false;
      this.#remember();
      this.#take(letter);
      return true;
    }

    setBeyond(letter) {
      if (this.isBeyond(letter)) return this.remove(letter);
      this.#remember();
      this.#take(letter);
      this.unjudgeable[letter] = "";
      return true;
    }

    setReason(letter, reason) {
      if (this.isBeyond(letter)) this.unjudgeable[letter] = reason;
    }

    get canUndo() {
      return this.#past.length > 0;
    }

    undo() {
      const last = this.#past.pop();
      if (!last) return false;
      this.rows = last.shelves;
      this.unjudgeable = last.unjudgeable;
      return true;
    }

    #take(letter) {
      for (const row of this.rows) if (row.includes(letter)) row.splice(row.indexOf(letter), 1);
      delete this.unjudgeable[letter];
    }

    #remember() {
      this.#past.push(this.value);
      if (this.#past.length > 100) this.#past.shift();
    }
  };
})();
