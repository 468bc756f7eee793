// Critiques: what to improve, what to keep, and notes that are tied to a place in a page.
(() => {
  "use strict";
  const R = window.Refine;
  const LONGEST = 20_000;
  const SHORT = 12;
  const MOST = 150;
  const PROPERTIES = ["text", "color", "background-color", "font-size", "padding", "width", "display"];
  const CATEGORIES = ["behaviour", "content", "look", "accessibility", "performance", "other"];
  const SEVERITIES = ["low", "medium", "high"];

  R.Notes = class {
    constructor(stage, saved, { onChange, onPlace }) {
      this.stage = stage;
      this.onChange = onChange;
      this.onPlace = onPlace;
      this.list = (Array.isArray(saved) ? saved : []).slice(0, MOST).filter((each) => stage.letters.includes(each?.candidate)).map(tidy);
      this.draw();
    }

    get value() {
      return this.list.filter((each) => each.text.trim() || each.anchor).map((each) => ({ ...each }));
    }

    of(letter) {
      return this.list.filter((each) => each.candidate === letter);
    }

    draw() {
      const letter = this.stage.current;
      this.drawn = letter;
      const anchored = this.of(letter).filter((each) => each.anchor);
      R.$("notes").replaceChildren(
        R.el("h2", {}, R.t("notes.title", { letter })),
        ...this.#box(letter, "improve"),
        ...this.#box(letter, "keep"),
        R.el(
          "div",
          { class: "tools", role: "group", "aria-label": R.t("notes.tools") },
          this.#tool("pin"),
          this.#tool("sketch"),
          this.#tool("edit"),
        ),
        ...anchored.map((note, n) => this.#card(note, n + 1)),
      );
    }

    /** The cursor to what is to be improved, or kept. */
    focus(aim) {
      R.$(`note-${aim}`)?.focus();
    }

    /** A note with a place; the cursor is put into it. */
    add(note) {
      if (this.list.length >= MOST) return;
      const made = tidy({ aim: "improve", ...note });
      this.list.push(made);
      this.draw();
      this.onChange();
      const cards = R.$("notes").querySelectorAll(".note");
      cards[cards.length - 1]?.querySelector("textarea, input")?.focus();
      return made;
    }

    #tool(mode) {
      return R.el("button", { type: "button", "data-tool": mode, onclick: () => this.onPlace(mode) }, R.t(`notes.${mode}`));
    }

    /** The box for words that stand for the whole page. */
    #box(letter, aim) {
      const found = this.of(letter).find((each) => !each.anchor && each.aim === aim);
      const steer = R.el("p", { class: "steer", hidden: true }, R.t("notes.steer"));
      const more = aim === "improve" && found?.text.trim() ? [this.#more(found)] : [];
      const area = R.el("textarea", { id: `note-${aim}`, maxlength: String(LONGEST), rows: "3", placeholder: R.t(`notes.${aim}_hint`) });
      area.value = found?.text ?? "";
      area.addEventListener("input", () => {
        this.#set(letter, aim, area.value);
        if (area.value.trim().length >= SHORT) steer.hidden = true;
      });
      area.addEventListener("change", () => {
        const length = area.value.trim().length;
        steer.hidden = aim !== "improve" || length === 0 || length >= SHORT;
        if (aim === "improve" && length && !area.nextElementSibling?.nextElementSibling?.classList.contains("pair")) {
          steer.after(this.#more(this.of(letter).find((each) => !each.anchor && each.aim === aim)));
        }
      });
      return [R.el("label", { for: `note-${aim}` }, R.t(`notes.${aim}`)), area, steer, ...more];
    }

    #set(letter, aim, text) {
      let note = this.of(letter).find((each) => !each.anchor && each.aim === aim);
      if (!note) this.list.push((note = tidy({ candidate: letter, aim })));
      note.text = text;
      this.onChange();
    }

    /** Kind and weight, where somebody cares to say. */
    #more(note) {
      return R.el("div", { class: "pair note-more" }, this.#choice(note, "category", CATEGORIES), this.#choice(note, "severity", SEVERITIES));
    }

    #choice(note, field, values) {
      const select = R.el("select", { "aria-label": R.t(`notes.${field}`) }, R.el("option", { value: "" }, R.t(`notes.${field}`)));
      for (const value of values) select.append(R.el("option", { value }, R.t(`${field}.${value}`)));
      select.value = note[field] ?? "";
      select.addEventListener("change", () => {
        note[field] = select.value || null;
        this.onChange();
      });
      return select;
    }

    #card(note, number) {
      const { kind } = note.anchor;
      const words = R.t(`anchor.${kind}`);
      const remove = R.el(
        "button",
        {
          type: "button",
          class: "plain",
          "aria-label": R.t("notes.remove_one", { number }),
          onclick: () => {
            this.list.splice(this.list.indexOf(note), 1);
            this.draw();
            this.onChange();
            R.$("notes").querySelector(`[data-tool]`)?.focus();
          },
        },
        R.t("notes.remove"),
      );
      const card = R.el("div", { class: "note" }, R.el("header", {}, R.el("b", {}, String(number)), words, remove));
      if (note.hint) card.append(R.el("p", { class: "what" }, note.hint));
      if (kind === "edit") card.append(...this.#editFields(note));
      const area = R.el("textarea", {
        rows: "2",
        maxlength: String(LONGEST),
        "aria-label": R.t("notes.about", { number }),
        placeholder: R.t(kind === "edit" ? "notes.edit_hint" : "notes.pin_hint"),
      });
      area.value = note.text;
      area.addEventListener("input", () => {
        note.text = area.value;
        this.onChange();
      });
      card.append(area);
      if (kind !== "edit") card.append(R.el("div", { class: "pair" }, this.#aim(note), this.#choice(note, "category", CATEGORIES)));
      card.addEventListener("focusin", () => R.mark(this.stage, note));
      card.addEventListener("focusout", () => R.mark(this.stage, null));
      return card;
    }

    #aim(note) {
      const select = R.el("select", { "aria-label": R.t("notes.aim") });
      for (const aim of ["improve", "keep"]) select.append(R.el("option", { value: aim }, R.t(`aim.${aim}`)));
      select.value = note.aim ?? "improve";
      select.addEventListener("change", () => {
        note.aim = select.value;
        this.onChange();
      });
      return select;
    }

    #editFields(note) {
      const { anchor } = note;
      const property = R.el("select", { "aria-label": R.t("notes.property") });
      for (const each of PROPERTIES) property.append(R.el("option", { value: each }, R.t(`property.${each}`)));
      property.value = anchor.property;
      const value = R.el("input", { "aria-label": R.t("notes.new"), placeholder: R.t("notes.new"), maxlength: "4000", autocomplete: "off", class: "new" });
      value.value = anchor.new;
      const text = anchor.property === "text" ? anchor.old : note.proposed ?? "";
      property.addEventListener("change", () => {
        anchor.property = property.value;
        // What a style was before cannot be seen from here.
        anchor.old = anchor.property === "text" ? text : "";
        if (anchor.property !== "text" && value.value === text) value.value = anchor.new = "";
        this.onChange();
      });
      value.addEventListener("input", () => {
        anchor.new = value.value;
        this.onChange();
      });
      return [R.el("div", { class: "pair" }, property, value)];
    }
  };

  function tidy(note) {
    return {
      candidate: note.candidate,
      text: String(note.text ?? "").slice(0, LONGEST),
      aim: ["improve", "keep"].includes(note.aim) ? note.aim : null,
      category: CATEGORIES.includes(note.category) ? note.category : null,
      severity: SEVERITIES.includes(note.severity) ? note.severity : null,
      anchor: note.anchor && typeof note.anchor === "object" ? note.anchor : null,
      hint: String(note.hint ?? "").slice(0, 300),
      proposed: String(note.proposed ?? "").slice(0, 4000),
      snapshot: /^[0-9a-f]{64}$/.test(note.snapshot ?? "") ? note.snapshot : null,
    };
  }
})();
