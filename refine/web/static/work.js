// An assignment: everything put together.
(() => {
  "use strict";
  const R = window.Refine;
  const { data } = R;
  const letters = data.frames.map((each) => each.label);
  const saved = R.$("saved");
  let shelves, board, stage, notes, draft, clock, handing, kept;
  let why = "";
  let criteria = {};

  const collect = () => ({
    v: 1,
    ...shelves.value,
    notes: notes.value,
    why,
    criteria: validCriteria(),
    tried: stage.triedValue,
    current: stage.current,
    asked: board.isFrozen,
  });
  const changed = () => {
    drawRest();
    draft.change(collect());
  };

  function say(state) {
    saved.dataset.state = state;
    saved.textContent = R.t(`saved.${state}`);
  }
  function banner(text, ...buttons) {
    const close = R.el("button", { type: "button", class: "plain", onclick: () => made.remove() }, R.t("banner.close"));
    const made = R.el("p", { class: "notice warn" }, R.el("span", {}, text), ...buttons, close);
    R.$("banners").replaceChildren(made);
    return made;
  }

  function load(payload) {
    const from = Object.keys(payload ?? {}).length ? payload : (data.handedIn ?? {});
    shelves = new R.Shelves(letters, { shelves: from.shelves ?? [], unjudgeable: from.unjudgeable ?? {} });
    why = String(from.why ?? "");
    criteria = from.criteria ?? {};
    return from;
  }

  function topTwo() {
    return shelves.groups.flat().slice(0, 2);
  }
  /** Of the two on top now; what was said of others before is dropped. */
  function validCriteria() {
    const top = new Set(topTwo());
    const kept = Object.entries(criteria).filter(
      ([name, groups]) => data.criteria.includes(name) && groups.flat().length === 2 && groups.flat().every((each) => top.has(each)),
    );
    return Object.fromEntries(kept);
  }

  function drawRest() {
    const missing = shelves.unplaced;
    R.$("missing").textContent = missing.length ? R.t("work.missing", { letters: missing.join(", ") }) : "";
    const { groups } = shelves;
    R.$("why").hidden = groups.length < 2;
    if (groups.length >= 2) R.$("why-label").textContent = R.t("work.why", { first: groups[0].join(", "), second: groups[1].join(", ") });
    drawCriteria();
  }

  function drawCriteria() {
    const [first, second] = topTwo();
    const box = R.$("criteria");
    box.hidden = !data.criteria.length || !second;
    if (box.hidden) return;
    const rows = data.criteria.map((name) => {
      const now = JSON.stringify(validCriteria()[name] ?? null);
      const button = (text, groups, label) =>
        R.el(
          "button",
          {
            type: "button",
            "aria-pressed": String(now === JSON.stringify(groups)),
            "aria-label": label,
            onclick: () => {
              criteria = { ...validCriteria(), [name]: groups };
              changed();
            },
          },
          text,
        );
      const pair = [first, second].sort();
      return R.el(
        "div",
        { class: "row", role: "group", "aria-label": name },
        R.el("span", {}, name),
        R.el(
          "div",
          {},
          button(first, [[first], [second]], R.t("criteria.better", { letter: first })),
          button("=", [pair], R.t("criteria.same")),
          button(second, [[second], [first]], R.t("criteria.better", { letter: second })),
        ),
      );
    });
    const at = [...box.querySelectorAll("button")].indexOf(document.activeElement);
    box.replaceChildren(R.el("h2", {}, R.t("criteria.title")), ...rows);
    if (at >= 0) box.querySelectorAll("button")[at]?.focus();
  }

  async function place(mode) {
    const letter = stage.current;
    if (stage.isNarrow) R.$("stage").scrollIntoView({ block: "start" });
    const found = await R.point(stage, letter, mode);
    if (!found) return;
    const { html, ...note } = found;
    const made = notes.add({ candidate: letter, ...note });
    if (made && html) kept.add(made, html);
  }

  function onOther(payload, revision, mine) {
    if (JSON.stringify(payload) === JSON.stringify(mine)) return draft.adopt(payload, revision);
    draft.adopt(mine, revision);
    const use = R.el("button", { type: "button", onclick: () => (take(payload), made.remove()) }, R.t("banner.theirs"));
    const keep = R.el("button", { type: "button", onclick: () => (draft.change(collect()), made.remove()) }, R.t("banner.mine"));
    const made = banner(R.t("banner.other_device"), use, keep);
  }
  function take(payload) {
    const from = load(payload);
    board.shelves = handing.shelves = shelves;
    notes.list = new R.Notes(stage, from.notes, { onChange: changed, onPlace: place }).list;
    R.$("why-text").value = why;
    redraw();
    draft.change(collect());
  }
  function redraw() {
    board.draw();
    if (notes.drawn !== stage.current) notes.draw();
    drawRest();
  }

  customElements.get("refine-frame").speak(R.family("frame."));
  draft = new R.Draft(data.assignment, data.draft, { say, onOther });
  const from = load(draft.payload);
  stage = new R.Stage(R.$("frames"), data.frames, {
    onChange: () => board && notes && (redraw(), draft.change(collect())),
    onActive: (letter) => clock?.inFrame(Boolean(letter)),
    onReport: (letter) => handing.report(letter),
    canReport: !data.lesson,
  });
  stage.restoreTried(from.tried);
  board = new R.Board(shelves, stage, { onChange: changed });
  board.isFrozen = Boolean(from.asked) && data.hasQuestions;
  notes = new R.Notes(stage, from.notes, { onChange: changed, onPlace: place });
  clock = new R.Clock({
    beat: async (seconds) => {
      if (!data.assignment) return true;
      return (await R.post(`/assignment/${data.assignment}/beat`, { key: R.key(), active_s: seconds })).status === 200;
    },
    onBreak: () => banner(R.t("banner.break")),
  });
  kept = new R.Kept(data.assignment, { onKept: changed });
  handing = new R.Handing({ data, shelves, board, stage, draft, clock, collect, say: banner, kept });
  R.listenToKeys({ stage, board, notes, handing, place });
  R.$("undo").addEventListener("click", () => board.do((it) => it.undo()));
  R.$("why-text").value = why;
  R.$("why-text").addEventListener("input", (event) => {
    why = event.target.value;
    changed();
  });
  if (letters.includes(from.current)) stage.select(from.current);
  redraw();
  if (data.isReopened) banner(R.t("banner.reopened"));
  if (draft.mine) {
    const mine = draft.mine;
    const keep = R.el("button", { type: "button", onclick: () => (take(mine), made.remove()) }, R.t("banner.mine"));
    const made = banner(R.t("banner.unsent"), keep);
  }
})();
