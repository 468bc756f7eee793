// What every page needs: texts, elements, posts, dialogs, menus that close.
(() => {
  "use strict";
  const R = (window.Refine = {});
  const read = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
  R.data = read("data");
  const texts = read("texts") ?? {};

  /** A text of the catalogue, with its {places} filled. */
  R.t = (key, values = {}) => {
    const text = texts[key];
    if (text === undefined) throw new Error(`no text ${key}`);
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
  R.has = (key) => key in texts;
  /** All texts whose key begins so, by the rest of it. */
  R.family = (start) =>
    Object.fromEntries(Object.entries(texts).filter(([key]) => key.startsWith(start)).map(([key, text]) => [key.slice(start.length), text]));
  R.$ = (id) => document.getElementById(id);

  /** An element; `on…` are listeners, strings become text and never markup. */
  R.el = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name === "class") made.className = value;
      else if (typeof value === "boolean") made.toggleAttribute(name, value);
      else if (value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children.filter((each) => each !== null && each !== undefined));
    return made;
  };

  /** Random enough to name one thing that is done once. */
  R.key = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(18));
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
  };

  /** {status, body}; status 0 where nobody answered. */
  R.post = async (url, body, { keepalive = false } = {}) => {
    let answer;
    try {
      answer = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
        credentials: "same-origin",
        redirect: "error",
        keepalive,
      });
    } catch {
      return { status: 0, body: {} };
    }
    let value = {};
    try {
      value = await answer.json();
    } catch {
      // A proxy in between speaks HTML.
    }
    return { status: answer.status, body: value && typeof value === "object" ? value : {} };
  };

  /** Why a post was not taken, in words. */
  R.problem = ({ status, body }) => {
    if (status === 0) return R.t("error.offline");
    const key = `error.${body.code ?? "not_now"}`;
    return R.has(key) ? R.t(key) : R.t("error.not_now");
  };

  /** Paths of our own only. */
  R.go = (path) => {
    if (typeof path === "string" && /^\/(?![/\\])/.test(path)) location.assign(path);
  };

  /** A modal dialog; resolves to the value of the button that closed it, or "" for Escape. */
  R.ask = (title, content, buttons) =>
    new Promise((resolve) => {
      const dialog = R.el("dialog", { "aria-labelledby": "dialog-title" });
      const heading = R.el("h2", { id: "dialog-title" }, title);
      const row = R.el("div", { class: "row actions" });
      for (const { value, text, primary = false } of buttons) {
        const button = R.el("button", { type: "button", value, class: primary ? "primary" : "", onclick: () => dialog.close(value) }, text);
        row.append(button);
      }
      dialog.append(heading, ...[].concat(content ?? []), row);
      const before = document.activeElement;
      dialog.addEventListener("close", () => {
        dialog.remove();
        if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
        resolve(dialog.returnValue);
      });
      document.body.append(dialog);
      dialog.showModal();
      (dialog.querySelector("textarea, fieldset input, .primary") ?? row.firstChild).focus();
    });

  document.addEventListener("pointerdown", (event) => {
    for (const open of document.querySelectorAll("details.menu[open], details.prompt[open]")) {
      if (!open.contains(event.target)) open.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const open of document.querySelectorAll("details.menu[open], details.prompt[open]")) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  });
})();
