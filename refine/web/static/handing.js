// Handing in: what is missing, what was never tried, "is it fixed?", and one submit however often it is sent.
(() => {
  "use strict";
  const R = window.Refine;
  const AGAIN_MS = 5000;
  const ANSWERS = ["fixed", "not_fixed", "worse"];

  R.Handing = class {
    #isBusy = false;

    constructor({ data, shelves, board, stage, draft, clock, collect, say, kept }) {
      Object.assign(this, { data, shelves, board, stage, draft, clock, collect, say, kept });
      this.key = draft.pending?.key ?? R.key();
      this.skipKey = R.key();
      this.reportKey = R.key();
      this.answers = {};
      R.$("hand-in").addEventListener("click", () => this.handIn());
      R.$("skip")?.addEventListener("click", () => this.skip());
      if (draft.pending) this.#send(draft.pending); // it was on its way when the page was closed
    }

    async handIn() {
      if (this.#isBusy) return;
      const missing = this.shelves.unplaced;
      if (missing.length) {
        this.stage.select(missing[0]);
        R.$("missing").textContent = R.t("handing.missing", { letters: missing.join(", ") });
        R.$("place").querySelector("button")?.focus();
        return;
      }
      this.#isBusy = true;
      try {
        if (!(await this.#isTriedEnough())) return;
        if (this.data.lesson) return await this.#check();
        if (this.data.hasQuestions && !(await this.#askQuestions())) return;
        await this.kept.settle();
        const value = this.collect();
        await this.#send({
          key: this.key,
          ranking: this.shelves.groups,
          unjudgeable: value.unjudgeable,
          critiques: value.notes.map(({ hint, proposed, ...note }) => note),
          why: value.why,
          criteria: value.criteria,
          follow_ups: this.answers,
          tried: value.tried,
          device: this.stage.isNarrow || matchMedia("(hover: none) and (pointer: coarse)").matches ? "phone" : "desktop",
          active_s: this.clock.take(),
          beat_key: R.key(),
        });
      } finally {
        this.#isBusy = false;
      }
    }

    async #isTriedEnough() {
      const untried = this.stage.untried.filter((letter) => !this.shelves.isBeyond(letter));
      if (!untried.length) return true;
      const answer = await R.ask(R.t("handing.untried", { letters: untried.join(", ") }), R.el("p", {}, R.t("handing.untried_note")), [
        { value: "anyway", text: R.t("handing.anyway") },
        { value: "", text: R.t("handing.try"), primary: true },
      ]);
      if (answer === "anyway") return true;
      this.stage.select(untried[0], { andTry: true });
      return false;
    }

    /** Whether what they asked for before is fixed; the ranking stands from here on. */
    async #askQuestions() {
      const asked = await R.post(`/assignment/${this.data.assignment}/questions`, {
        ranking: this.shelves.groups,
        unjudgeable: this.collect().unjudgeable,
      });
      if (asked.status !== 200) {
        this.say(R.problem(asked));
        return false;
      }
      const questions = asked.body.questions;
      if (!questions.length) return true;
      this.board.isFrozen = true;
      this.board.draw();
      this.draft.change({ ...this.collect(), asked: true });
      const fields = questions.map(({ id, text, round, kind, change, pages }, n) => {
        const choices = ANSWERS.map((value) => {
          const input = R.el("input", { type: "radio", name: `q${n}`, value, onchange: () => (this.answers[id] = value) });
          input.checked = this.answers[id] === value;
          return R.el("label", {}, input, R.t(`fixed.${value}`));
        });
        const words = [text.trim() || (change ? "" : R.t(`anchor.${kind ?? "element"}`)), change ? R.t("fixed.edit", change) : ""];
        return R.el(
          "fieldset",
          {},
          R.el("legend", {}, R.el("small", {}, R.t("fixed.of", { round, letters: pages.join(", ") })), R.el("br"), words.filter(Boolean).join(" ")),
          R.el("div", { class: "choices" }, ...choices),
        );
      });
      const list = R.el("div", { style: "max-height:56vh;overflow:auto", tabindex: "0" }, ...fields);
      const answer = await R.ask(R.t("fixed.title"), [R.el("p", { class: "muted" }, R.t("fixed.note")), list], [
        { value: "", text: R.t("handing.not_yet") },
        { value: "go", text: R.t("work.hand_in"), primary: true },
      ]);
      return answer === "go";
    }

    async #send(body) {
      const button = R.$("hand-in");
      button.disabled = true;
      this.draft.keepPending(body);
      const answer = await R.post(`/assignment/${this.data.assignment}/submit`, body);
      if (answer.status === 200) {
        this.draft.end();
        return R.go(answer.body.next);
      }
      if (answer.status === 0 || answer.status === 503 || answer.status === 429 || answer.status >= 500) {
        this.say(R.t("handing.waiting"));
        setTimeout(() => this.#send({ ...body, active_s: body.active_s + this.clock.take() }), AGAIN_MS);
        return;
      }
      button.disabled = false;
      this.draft.keepPending(null);
      this.say(R.problem(answer));
    }

    async #check() {
      const { lesson, lessons } = this.data;
      const answer = await R.post(`/tutorial/${lesson}/check`, {
        ranking: this.shelves.groups,
        unjudgeable: this.collect().unjudgeable,
      });
      if (answer.status !== 200) return this.say(R.problem(answer));
      const { seen } = answer.body;
      const lines = seen.map(({ name, isSeen }) =>
        R.el("p", { class: isSeen ? "notice" : "notice warn" }, R.el("b", {}, R.t(isSeen ? "lesson.seen" : "lesson.missed")), " ", R.t(`lesson.${name}`)),
      );
      const isGood = seen.every((each) => each.isSeen);
      const last = lesson >= lessons;
      const went = await R.ask(R.t(isGood ? "lesson.good" : "lesson.almost"), lines, [
        { value: "", text: R.t("lesson.again"), primary: !isGood },
        { value: "on", text: R.t(last ? "lesson.start" : "lesson.next"), primary: isGood },
      ]);
      if (went === "on") R.go(last ? "/" : `/tutorial/${lesson + 1}`);
    }

    async skip() {
      const reason = R.el("textarea", { id: "skip-reason", rows: "2", maxlength: "4000" });
      const answer = await R.ask(
        R.t("skip.title"),
        [R.el("p", {}, R.t("skip.note")), R.el("label", { for: "skip-reason" }, R.t("skip.reason")), reason],
        [{ value: "", text: R.t("skip.stay") }, { value: "skip", text: R.t("skip.go"), primary: true }],
      );
      if (answer === "skip") await this.#leave("skip", { key: this.skipKey, reason: reason.value });
    }

    async report(letter) {
      const reason = R.el("textarea", { id: "report-reason", rows: "3", maxlength: "4000" });
      const answer = await R.ask(
        R.t("report.title", { letter }),
        [R.el("p", {}, R.t("report.note")), R.el("label", { for: "report-reason" }, R.t("report.reason")), reason],
        [{ value: "", text: R.t("overlay.cancel") }, { value: "report", text: R.t("report.go"), primary: true }],
      );
      if (answer === "report") await this.#leave("report", { key: this.reportKey, reason: reason.value, candidate: letter });
    }

    async #leave(how, body) {
      await this.clock.send();
      const answer = await R.post(`/assignment/${this.data.assignment}/${how}`, body);
      if (answer.status !== 200) return this.say(R.problem(answer));
      this.draft.end();
      R.go(answer.body.next);
    }
  };
})();
