// The keyboard: one key for everything, none of them while somebody types, and all of them can be switched off.
(() => {
  "use strict";
  const R = window.Refine;
  const OFF = "refine:keys-off";
  const isOff = () => {
    try {
      return localStorage.getItem(OFF) === "1";
    } catch {
      return false;
    }
  };

  R.listenToKeys = ({ stage, board, notes, handing, place }) => {
    document.addEventListener("keydown", (event) => {
      if (document.querySelector("dialog[open]") || event.isComposing) return;
      const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select");
      const isCommand = event.ctrlKey || event.metaKey;
      if (event.altKey && event.shiftKey && event.code === "KeyX") return done(event, () => stage.leave());
      if (isCommand && event.key === "Enter") return done(event, () => handing.handIn());
      if (event.key === "Escape") return escape(event, isTyping);
      if (isTyping || R.isPointing()) return;
      if (isCommand && event.code === "KeyZ" && !event.shiftKey) return done(event, () => board.do((it) => it.undo()));
      if (isCommand || event.altKey || isOff()) return;
      const act = find(event);
      if (act) done(event, act);
    });

    const done = (event, act) => {
      event.preventDefault();
      act();
    };

    function escape(event, isTyping) {
      if (isTyping) event.target.blur();
      else if (stage.full) stage.setFull(stage.full);
      else stage.leave();
    }

    function find(event) {
      const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
      if (digit !== undefined) return digits(Number(digit), event.shiftKey);
      // The letter that is written on the key; where a key writes no Latin letter, the one in its place.
      const key = /^[a-z]$/i.test(event.key) ? event.key.toUpperCase() : event.key === "?" ? "?" : event.code.replace(/^Key/, "");
      if (stage.letters.includes(key) && !event.shiftKey) return () => stage.select(key);
      const focus = event.target instanceof Element ? event.target.closest("button, a, summary, [tabindex='0']") : null;
      return {
        ArrowLeft: () => stage.step(-1),
        ArrowRight: () => stage.step(1),
        ArrowUp: () => board.do((it) => it.move(stage.current, -1)),
        ArrowDown: () => board.do((it) => it.move(stage.current, 1)),
        Backspace: () => board.do((it) => it.remove(stage.current)),
        Enter: focus ? null : () => stage.try(),
        T: () => stage.try(),
        U: () => board.do((it) => it.undo()),
        X: () => board.do((it) => it.setBeyond(stage.current)) && board.focusReason(stage.current),
        V: () => stage.setView(stage.root.dataset.view === "grid" ? "one" : "grid"),
        Z: () => stage.setFull(stage.current),
        R: () => stage.reload(),
        P: () => (R.$("prompt").open = !R.$("prompt").open),
        W: () => notes.focus("improve"),
        K: () => notes.focus("keep"),
        N: () => place("pin"),
        S: () => place("sketch"),
        M: () => place("edit"),
        "?": () => showHelp(stage.letters),
      }[key];
    }

    const digits = (digit, isInsert) => {
      if (digit === 0) return () => board.do((it) => it.remove(stage.current));
      if (digit > stage.letters.length) return null;
      const letter = stage.current;
      return () => board.do((it) => (isInsert ? it.insert(letter, digit - 1) : it.place(letter, digit - 1)));
    };

    R.$("help").addEventListener("click", () => showHelp(stage.letters));
  };

  function showHelp(letters) {
    const last = letters[letters.length - 1];
    const rows = [
      [["A", last], "keys.look", " … "],
      [["←", "→"], "keys.step"],
      [["1", String(letters.length)], "keys.place", " … "],
      [["Shift+1", `Shift+${letters.length}`], "keys.insert", " … "],
      [["↑", "↓"], "keys.move"],
      [["0", "⌫"], "keys.remove"],
      [["X"], "keys.beyond"],
      [["U", "Ctrl+Z"], "keys.undo"],
      [["T", "Enter"], "keys.try"],
      [["Alt+Shift+X"], "keys.leave"],
      [["V"], "keys.view"],
      [["Z"], "keys.full"],
      [["R"], "keys.again"],
      [["P"], "keys.prompt"],
      [["W", "K"], "keys.write"],
      [["N", "S", "M"], "keys.places"],
      [["Ctrl+Enter"], "keys.hand_in"],
      [["Esc"], "keys.escape"],
    ];
    const list = R.el("dl", { class: "keys" });
    for (const [keys, text, between = " "] of rows) {
      const term = R.el("dt");
      keys.forEach((key, n) => term.append(...(n ? [between] : []), R.el("kbd", {}, key)));
      list.append(term, R.el("dd", {}, R.t(text)));
    }
    const box = R.el("input", { type: "checkbox", style: "width:20px;min-height:20px;height:20px" });
    box.checked = !isOff();
    box.addEventListener("change", () => {
      try {
        localStorage.setItem(OFF, box.checked ? "0" : "1");
      } catch {
        /* switched off */
      }
    });
    const choice = R.el("label", { class: "row", style: "margin-top:14px" }, box, R.t("keys.single"));
    const scroll = R.el("div", { style: "max-height:60vh;overflow:auto", tabindex: "0" }, list);
    R.ask(R.t("keys.title"), [scroll, choice], [{ value: "", text: R.t("keys.close"), primary: true }]);
  }
})();
