// The ranking to look at and to touch: buttons for the page at hand, shelves with chips that can be dragged or tapped.
(() => {
  "use strict";
  const R = window.Refine;
  const DRAG_PX = 6;

  R.Board = class {
    #drag = null;

    constructor(shelves, stage, { onChange }) {
      this.shelves = shelves;
      this.stage = stage;
      this.onChange = onChange;
      this.isFrozen = false;
      window.addEventListener("pointermove", (event) => this.#onMove(event));
      window.addEventListener("pointerup", (event) => this.#onUp(event));
      window.addEventListener("pointercancel", () => this.#drop());
    }

    /** Do something to the shelves, and show it; nothing once the ranking stands. */
    do(action) {
      if (this.isFrozen || !action(this.shelves)) return false;
      this.draw();
      this.onChange();
      return true;
    }

    draw() {
      this.#drawPlace();
      this.#drawShelves();
      this.stage.mark((letter) => this.shelves.rankOf(letter), (letter) => this.shelves.isBeyond(letter));
      R.$("undo").disabled = this.isFrozen || !this.shelves.canUndo;
    }

    #drawPlace() {
      const letter = this.stage.current;
      const focused = document.activeElement?.dataset?.place;
      const at = this.shelves.shelfOf(letter);
      const buttons = this.shelves.rows.map((_, n) =>
        R.el(
          "button",
          {
            type: "button",
            "data-place": String(n),
            "aria-pressed": String(at === n),
            "aria-label": R.t("board.place", { letter, rank: n + 1 }),
            disabled: this.isFrozen,
            onclick: () => this.do((it) => (at === n ? it.remove(letter) : it.place(letter, n))),
          },
          String(n + 1),
        ),
      );
      const beyond = R.el(
        "button",
        {
          type: "button",
          class: "judge",
          "data-place": "x",
          "aria-pressed": String(this.shelves.isBeyond(letter)),
          disabled: this.isFrozen,
          onclick: () => this.do((it) => it.setBeyond(letter)) && this.focusReason(letter),
        },
        R.t("board.beyond"),
      );
      R.$("place").replaceChildren(R.el("span", { class: "of" }, R.t("board.of", { letter })), ...buttons, beyond);
      if (focused !== undefined) R.$("place").querySelector(`[data-place="${focused}"]`)?.focus();
    }

    #drawShelves() {
      const focused = document.activeElement?.dataset?.chip;
      const reasonOf = document.activeElement?.dataset?.reason;
      const root = R.$("shelves");
      const rows = [];
      this.shelves.rows.forEach((row, n) => {
        rows.push(R.el("div", { class: "gap", "data-gap": String(n) }));
        const tie = row.length > 1 ? R.el("span", { class: "tie" }, R.t("board.tie")) : null;
        const label = R.t("board.shelf", { rank: n + 1 });
        rows.push(
          R.el(
            "div",
            { class: `shelf${row.length ? " has" : ""}`, "data-shelf": String(n), role: "group", "aria-label": label, onclick: () => this.#tap(n) },
            R.el("span", { class: "name", "aria-hidden": "true" }, String(n + 1)),
            ...row.map((letter) => this.#chip(letter)),
            tie,
          ),
        );
      });
      rows.push(R.el("div", { class: "gap", "data-gap": String(this.shelves.rows.length) }));
      const { unplaced } = this.shelves;
      if (unplaced.length) {
        rows.push(
          R.el(
            "div",
            { class: "shelf pool", "data-shelf": "pool", role: "group", "aria-label": R.t("board.unplaced") },
            R.el("span", { class: "name" }, R.t("board.unplaced")),
            ...unplaced.map((letter) => this.#chip(letter)),
          ),
        );
      }
      for (const [letter, reason] of Object.entries(this.shelves.unjudgeable)) {
        const label = R.t("board.reason", { letter });
        const input = R.el("input", {
          "data-reason": letter,
          "aria-label": label,
          placeholder: label,
          maxlength: "4000",
          autocomplete: "off",
          oninput: (event) => {
            this.shelves.setReason(letter, event.target.value);
            this.onChange();
          },
        });
        input.value = reason;
        rows.push(
          R.el(
            "div",
            { class: "shelf beyond", "data-shelf": "beyond", role: "group", "aria-label": R.t("board.beyond") },
            R.el("span", { class: "name" }, R.t("board.beyond")),
            this.#chip(letter),
            input,
          ),
        );
      }
      root.replaceChildren(...rows);
      if (focused) root.querySelector(`[data-chip="${focused}"]`)?.focus();
      if (reasonOf) this.focusReason(reasonOf);
    }

    focusReason(letter) {
      R.$("shelves").querySelector(`[data-reason="${letter}"]`)?.focus();
    }

    #chip(letter) {
      return R.el(
        "button",
        {
          type: "button",
          class: "chip",
          "data-chip": letter,
          "aria-pressed": String(letter === this.stage.current),
          "aria-label": R.t("stage.page", { letter }),
          onpointerdown: (event) => this.#onDown(event, letter),
          onclick: (event) => {
            event.stopPropagation();
            this.stage.select(letter);
          },
        },
        letter,
      );
    }

    /** A tap on a shelf places the page at hand. */
    #tap(n) {
      this.do((it) => it.place(this.stage.current, n));
    }

    #onDown(event, letter) {
      if (this.isFrozen || event.button !== 0) return;
      this.#drag = { letter, x: event.clientX, y: event.clientY, isMoving: false, ghost: null, over: null, id: event.pointerId };
    }

    #onMove(event) {
      const drag = this.#drag;
      if (!drag || event.pointerId !== drag.id) return;
      if (!drag.isMoving && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < DRAG_PX) return;
      if (!drag.isMoving) {
        drag.isMoving = true;
        drag.ghost = R.el("span", { class: "chip ghost button" }, drag.letter);
        document.body.append(drag.ghost);
        document.querySelector(`[data-chip="${drag.letter}"]`)?.classList.add("held");
      }
      drag.ghost.style.left = `${event.clientX}px`;
      drag.ghost.style.top = `${event.clientY}px`;
      const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-shelf], [data-gap]") ?? null;
      if (over !== drag.over) {
        drag.over?.classList.remove("over");
        over?.classList.add("over");
        drag.over = over;
      }
    }

    #onUp(event) {
      const drag = this.#drag;
      if (!drag || event.pointerId !== drag.id) return;
      const { over, letter, isMoving } = drag;
      this.#drop();
      if (!isMoving) return;
      // The click that ends a drag is no tap.
      const swallow = (click) => (click.stopPropagation(), click.preventDefault());
      window.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => window.removeEventListener("click", swallow, { capture: true }), 50);
      if (over?.dataset.gap !== undefined) this.do((it) => it.insert(letter, Number(over.dataset.gap)));
      else if (over?.dataset.shelf === "pool") this.do((it) => it.remove(letter));
      else if (over?.dataset.shelf === "beyond") this.do((it) => !it.isBeyond(letter) && it.setBeyond(letter));
      else if (over?.dataset.shelf !== undefined) this.do((it) => it.place(letter, Number(over.dataset.shelf)));
    }

    #drop() {
      this.#drag?.ghost?.remove();
      this.#drag?.over?.classList.remove("over");
      document.querySelector(".chip.held")?.classList.remove("held");
      this.#drag = null;
    }
  };
})();
