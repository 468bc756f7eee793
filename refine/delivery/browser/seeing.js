// Part of shim.js: what was done in the page, and the page as it stands.
  // --- What the person did in here, for a pin: the last steps, never which characters they typed.
  const MOST_STEPS = 40;
  const now = performance.now.bind(performance);
  const steps = [];
  let inputs = 0;
  let toldInputs = 0;
  const NAMED = /^(Enter|Escape|Tab|Backspace|Delete|Home|End|Page(Up|Down)|Arrow(Left|Right|Up|Down)|F\d+)$/;
  const EDITING = /^(Space|Backspace|Delete)$/;
  const isTyped = (target) =>
    target instanceof Element && (target.isContentEditable || target.matches("textarea, input:not([type=checkbox], [type=radio], [type=button])"));
  const secrets = new WeakSet(); // fields that were a password's once: a button may show what was typed
  const isSecret = (field) => {
    if (field.type === "password") secrets.add(field);
    return secrets.has(field);
  };
  function see(event) {
    if (!event.isTrusted) return;
    const kind = event.type;
    if (event.composedPath()[0] instanceof HTMLInputElement) isSecret(event.composedPath()[0]);
    if (kind === "pointerdown" || kind === "keydown" || kind === "wheel") inputs += 1;
    if (kind === "pointerdown" || kind === "wheel") return;
    const target = event.composedPath()[0];
    const key = kind === "keydown" ? (event.key === " " ? "Space" : NAMED.test(event.key) ? event.key : "") : "";
    if (kind === "keydown" && (!key || (EDITING.test(key) && isTyped(target)))) return; // what is typed is seen as input
    const before = steps[steps.length - 1];
    if (before && before.what === kind && before.target === target && !key && kind !== "click") {
      before.at = now(); // scrolling on, typing on
      return;
    }
    steps.push({ at: now(), what: kind, target, on: target instanceof Element ? pathOf(target).slice(-120) : "", key });
    if (steps.length > MOST_STEPS) steps.shift();
  }
  function tellInputs() {
    if (inputs === toldInputs) return;
    toldInputs = inputs;
    tell({ inputs });
  }

  // --- The page as it stands, for a pin: inert HTML that looks like it, for a browser that runs no scripts and has no
  // network. Marks say what HTML cannot: `data-refine-scroll="left top"`, `data-refine-modal`, `data-refine-focus`.
  const MOST_NODES = 15_000;
  const MOST_HTML = 500_000;
  const MOST_DRAWN = 150_000;
  function record() {
    const place = document.scrollingElement ?? document.documentElement;
    const focused = document.activeElement;
    const open = [...document.querySelectorAll("dialog[open], details[open], [popover]:popover-open")].slice(0, 8);
    return {
      state: {
        scroll: [place.scrollLeft, place.scrollTop],
        size: [place.scrollWidth, place.scrollHeight],
        hash: location.hash.slice(0, 200),
        focused: focused && focused !== document.body ? pathOf(focused).slice(-200) : "",
        open: open.map((each) => pathOf(each).slice(-120)),
      },
      trail: steps.map(({ at, what, on, key }) => ({ ago_s: Math.round((now() - at) / 1000), what, on, key })),
      inputs,
      html: snapshot(place),
    };
  }
  const GONE = "script, noscript, meta[http-equiv], base, iframe, frame, object, embed, refine-notices, link:not([rel~=stylesheet])";
  const rulesOf = (sheet) => {
    try {
      return [...sheet.cssRules].map((rule) => rule.cssText).join("\n");
    } catch {
      return "";
    }
  };
  function snapshot(place) {
    const root = document.documentElement;
    const originals = root.querySelectorAll("*");
    if (originals.length > MOST_NODES) return null;
    // In a document without a window nothing loads, runs or is upgraded.
    const copy = document.implementation.createHTMLDocument("").importNode(root, true);
    const copies = copy.querySelectorAll("*");
    let drawn = 0;
    const styled = (made, text) => (made.setAttribute("style", `${made.getAttribute("style") ?? ""};${text}`));
    const mark = (original, made) => {
      const left = original === root ? place.scrollLeft : original.scrollLeft;
      const top = original === root ? place.scrollTop : original.scrollTop;
      if ((left || top) && (original === root || original !== place)) made.setAttribute("data-refine-scroll", `${left} ${top}`);
      if (original === document.activeElement) made.setAttribute("data-refine-focus", "");
      for (const { name, value } of [...made.attributes]) {
        if (/^on/i.test(name) || name === "srcset") made.removeAttribute(name);
        else if (/^(src|href|xlink:href|poster|data|action|formaction)$/i.test(name) && !/^(data:image\/|#)/i.test(value)) {
          const text = given.texts.get(value);
          if (text !== undefined && original.localName === "img") made.setAttribute(name, `data:image/svg+xml,${encodeURIComponent(text)}`);
          else if (made.localName !== "a") made.removeAttribute(name);
          else made.setAttribute(name, "#");
        }
      }
      switch (original.localName) {
        case "input":
          if (/^(checkbox|radio)$/.test(original.type)) made.toggleAttribute("checked", original.checked);
          // Frameworks write what is typed into the attribute, too.
          else if (isSecret(original) || /^(file|hidden)$/.test(original.type)) made.removeAttribute("value");
          else if (!/^(button|submit|reset|image)$/.test(original.type)) made.setAttribute("value", String(original.value).slice(0, 2000));
          break;
        case "textarea":
          made.textContent = String(original.value).slice(0, 10_000);
          break;
        case "option":
          made.toggleAttribute("selected", original.selected);
          break;
        case "canvas":
          try {
            const url = original.toDataURL("image/webp", 0.7);
            drawn += url.length;
            if (drawn < MOST_DRAWN) styled(made, `background:url("${url}") 0 0/100% 100% no-repeat`);
          } catch {
            /* it holds pixels of elsewhere */
          }
          break;
        case "dialog":
          if (!original.matches(":modal")) break;
          made.setAttribute("data-refine-modal", "");
          styled(made, "position:fixed;inset:0;margin:auto;z-index:2147483647");
          break;
        case "style":
          if (!made.textContent.trim() && original.sheet) made.textContent = rulesOf(original.sheet);
          break;
        case "link":
          if (original.sheet) {
            const style = made.ownerDocument.createElement("style");
            style.textContent = rulesOf(original.sheet);
            made.replaceWith(style);
          }
          break;
        default:
          if (original.popover && original.matches(":popover-open")) {
            made.removeAttribute("popover");
            styled(made, "position:fixed;inset:0;margin:auto;z-index:2147483647");
          }
      }
    };
    mark(root, copy);
    originals.forEach((original, n) => mark(original, copies[n]));
    const adopted = (document.adoptedStyleSheets ?? []).map(rulesOf).join("\n");
    if (adopted) {
      const style = copy.ownerDocument.createElement("style");
      style.textContent = adopted;
      copy.append(style);
    }
    for (const each of copy.querySelectorAll(GONE)) each.remove();
    const html = (document.compatMode === "CSS1Compat" ? "<!doctype html>\n" : "") + copy.outerHTML;
    const text = html.toWellFormed ? html.toWellFormed() : html;
    return text.length <= MOST_HTML ? text : null;
  }
