// Pointing at places in a page: a sheet of ours over its frame takes the coordinates. What the page says stands there is
// its proposal, no more: capped, shown as text, and never acted on.
(() => {
  "use strict";
  const R = window.Refine;
  const STEP = 12;
  const LEAP = 60;
  const LOOK_MS = 120;
  const MOST_POINTS = 4000;
  const MOST_STROKES = 300;
  const MOST_STATE = 7500; // bytes, of the 8 KB that are taken
  const SVG = "http://www.w3.org/2000/svg";
  let open = null;

  R.isPointing = () => open !== null;
  R.stopPointing = () => open?.(null);

  /** Let the labeler point at, or draw on, a page. Resolves to {anchor, hint, proposed, html}, or null. `html` is the page as
   * it stands, or null where it does not say. */
  R.point = (stage, letter, mode) =>
    new Promise((resolve) => {
      R.stopPointing();
      stage.leave();
      const { holder } = stage.cells.get(letter);
      const before = document.activeElement;
      const sheet = R.el("div", { class: "overlay", tabindex: "0", role: "application", "aria-label": R.t(`overlay.${mode}`) });
      const close = (found) => {
        if (open !== close) return; // it was cancelled while the page was asked, and another may be open
        open = null;
        sheet.remove();
        if (before?.isConnected) before.focus({ preventScroll: true });
        resolve(found);
      };
      open = close;
      holder.append(sheet);
      (mode === "sketch" ? sketch : pick)(stage, letter, mode, sheet, close);
      sheet.focus({ preventScroll: true });
    });

  const bar = (sheet, text, ...buttons) => {
    const made = R.el("div", { class: "says" }, R.el("span", {}, text), R.el("span", { class: "row" }, ...buttons));
    made.addEventListener("pointerdown", (event) => event.stopPropagation());
    made.addEventListener("click", (event) => event.stopPropagation());
    sheet.append(made);
  };
  const cancel = (close) => R.el("button", { type: "button", onclick: () => close(null) }, R.t("overlay.cancel"));
  const size = (sheet) => [Math.round(sheet.clientWidth), Math.round(sheet.clientHeight)];
  const placeOf = (sheet, event) => {
    const box = sheet.getBoundingClientRect();
    return [clamp(event.clientX - box.left, box.width), clamp(event.clientY - box.top, box.height)];
  };
  const clamp = (value, most) => Math.round(Math.max(0, Math.min(most, value)) * 10) / 10;
  /** What the page was like, and what was done in it, within what an anchor may hold. */
  function moment(stage, letter, record) {
    const state = { ...stage.stateOf(letter), ...record?.state };
    const trail = stage.trailOf(letter, record?.trail);
    const size = () => new TextEncoder().encode(JSON.stringify([state, trail])).length;
    while (trail.length && size() > MOST_STATE) trail.shift();
    return size() > MOST_STATE ? { state: stage.stateOf(letter), trail } : { state, trail };
  }

  function pick(stage, letter, mode, sheet, close) {
    const cross = R.el("i", { class: "cross", hidden: true });
    const box = R.el("i", { class: "box", hidden: true });
    sheet.append(box, cross);
    bar(sheet, R.t(`overlay.${mode}_how`), cancel(close));
    let at = [sheet.clientWidth / 2, sheet.clientHeight / 2];
    let lookedAt = 0;
    const look = async () => {
      const now = performance.now();
      if (now - lookedAt < LOOK_MS) return;
      lookedAt = now;
      outline(box, await stage.frame(letter)?.describe(...at));
    };
    const finish = async () => {
      const viewport = size(sheet);
      const frame = stage.frame(letter);
      const [found, record] = await Promise.all([frame?.describe(...at), frame?.record()]);
      const said = moment(stage, letter, record);
      const html = record?.html ?? null;
      if (!found) {
        const around = [clamp(at[0] - 20, viewport[0]), clamp(at[1] - 20, viewport[1]), 40, 40];
        return close({ anchor: { kind: "region", box: around, viewport, ...said }, hint: mode === "edit" ? R.t("overlay.no_element") : "", proposed: "", html });
      }
      const { selector, text } = found;
      const words = text.trim().replace(/\s+/g, " ");
      const place = { box: found.box, viewport: found.viewport.map((each) => Math.round(each)) };
      const hint = words.slice(0, 120);
      if (mode === "edit") {
        const anchor = { kind: "edit", selector, property: "text", old: words, new: words, ...place, ...said };
        return close({ anchor, hint, proposed: words, html });
      }
      close({ anchor: { kind: "element", selector, ...place, ...said }, hint, proposed: "", html });
    };
    sheet.addEventListener("pointermove", (event) => {
      at = placeOf(sheet, event);
      cross.hidden = true;
      look();
    });
    sheet.addEventListener("click", (event) => {
      at = placeOf(sheet, event);
      finish();
    });
    sheet.addEventListener("keydown", (event) => {
      const by = event.shiftKey ? LEAP : STEP;
      const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
      if (event.target !== sheet && event.key !== "Escape") return;
      if (moves) {
        at = [clamp(at[0] + moves[0], sheet.clientWidth), clamp(at[1] + moves[1], sheet.clientHeight)];
        cross.hidden = false;
        cross.style.left = `${at[0]}px`;
        cross.style.top = `${at[1]}px`;
        look();
      } else if (event.key === "Enter" || event.key === " ") finish();
      else if (event.key === "Escape") close(null);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  function outline(box, found) {
    box.hidden = !found;
    if (!found) return;
    const [x, y, width, height] = found.box.map((each) => Math.max(-5000, Math.min(10_000, each)));
    Object.assign(box.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  }

  function sketch(stage, letter, mode, sheet, close) {
    const strokes = [];
    let points = 0;
    let drawing = null;
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("style", "position:absolute;inset:0;width:100%;height:100%;pointer-events:none");
    sheet.append(svg);
    const draw = () => svg.replaceChildren(...strokes.map(lineOf));
    const done = async () => {
      if (!strokes.length) return close(null);
      const viewport = size(sheet);
      const record = await stage.frame(letter)?.record();
      close({ anchor: { kind: "sketch", strokes, viewport, ...moment(stage, letter, record) }, hint: "", proposed: "", html: record?.html ?? null });
    };
    bar(
      sheet,
      R.t("overlay.sketch_how"),
      R.el("button", { type: "button", onclick: () => ((points -= strokes.pop()?.length ?? 0), draw()) }, R.t("overlay.undo")),
      cancel(close),
      R.el("button", { type: "button", class: "primary", onclick: done }, R.t("overlay.done")),
    );
    sheet.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || strokes.length >= MOST_STROKES) return;
      sheet.setPointerCapture(event.pointerId);
      drawing = [placeOf(sheet, event)];
      strokes.push(drawing);
      points += 1;
    });
    sheet.addEventListener("pointermove", (event) => {
      if (!drawing || points >= MOST_POINTS) return;
      const [x, y] = placeOf(sheet, event);
      const [lastX, lastY] = drawing[drawing.length - 1];
      if (Math.hypot(x - lastX, y - lastY) < 2) return;
      drawing.push([x, y]);
      points += 1;
      draw();
    });
    const lift = () => {
      if (drawing?.length === 1) drawing.push([drawing[0][0] + 1, drawing[0][1]]); // a dot
      drawing = null;
      draw();
    };
    sheet.addEventListener("pointerup", lift);
    sheet.addEventListener("pointercancel", lift);
    sheet.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close(null);
      else if (event.key === "Enter" && event.target === sheet) done();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  function lineOf(stroke) {
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", stroke.map((each) => each.join(",")).join(" "));
    line.setAttribute("style", "fill:none;stroke:#d92c20;stroke-width:3;stroke-linecap:round;stroke-linejoin:round");
    return line;
  }

  /** Show where a note is, while somebody writes it. */
  R.mark = (stage, note) => {
    for (const { marks } of stage.cells.values()) marks.replaceChildren();
    if (!note?.anchor) return;
    const { marks } = stage.cells.get(note.candidate);
    if (note.anchor.kind === "sketch") {
      const svg = document.createElementNS(SVG, "svg");
      svg.append(...note.anchor.strokes.map(lineOf));
      marks.append(svg);
    } else if (note.anchor.box) {
      const [x, y, width, height] = note.anchor.box;
      const dot = R.el("i", {}, "•");
      dot.style.left = `${Math.max(12, x + width / 2)}px`;
      dot.style.top = `${Math.max(12, y + height / 2)}px`;
      marks.append(dot);
    }
  };
})();
