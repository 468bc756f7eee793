// Pictures of pages: side by side with what people pointed at, or one over the other with a slider between them.
// What people wrote comes in as data and becomes text, never markup.
const SVG = "http://www.w3.org/2000/svg";

const make = (name, attributes = {}, ...inner) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
  }
  made.append(...inner.filter((each) => each !== null));
  return made;
};
const percent = (value) => `${(value * 100).toFixed(2)}%`;

function picture(item) {
  if (!item.src) return make("p", { class: "none" }, "No picture");
  const image = make("img", { src: item.src, alt: item.alt, width: item.width, height: item.height, loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(make("p", { class: "none" }, "The picture could not be loaded")));
  return image;
}

function drawing(item) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const mark of item.marks) {
    for (const stroke of mark.strokes ?? []) {
      const line = document.createElementNS(SVG, "polyline");
      line.setAttribute("points", stroke.map((point) => point.join(",")).join(" "));
      svg.append(line);
    }
    if (mark.box) {
      const box = document.createElementNS(SVG, "rect");
      ["x", "y", "width", "height"].forEach((name, at) => box.setAttribute(name, mark.box[at]));
      svg.append(box);
    }
  }
  return svg;
}

function card(item) {
  const shown = make("div", { class: "page" }, item.src ? make("a", { href: item.src, target: "_blank", rel: "noopener", title: "Open the picture" }, picture(item)) : picture(item));
  const said = make("p", { class: "said", role: "status", hidden: true });
  if (item.src && item.marks.length) {
    shown.append(drawing(item));
    for (const mark of item.marks) {
      const pin = make("button", { type: "button", class: "pin", title: mark.text, "aria-label": `Critique ${mark.n}: ${mark.text}`, "aria-expanded": "false" }, String(mark.n));
      pin.style.left = percent(mark.at[0]);
      pin.style.top = percent(mark.at[1]);
      pin.addEventListener("click", () => {
        const isOpen = pin.getAttribute("aria-expanded") === "true";
        for (const each of shown.querySelectorAll(".pin")) each.setAttribute("aria-expanded", "false");
        pin.setAttribute("aria-expanded", String(!isOpen));
        said.hidden = isOpen;
        said.textContent = isOpen ? "" : `${mark.n} · ${mark.who}: ${mark.text}${mark.note ? ` (${mark.note})` : ""}`;
      });
      shown.append(pin);
    }
  }
  const live = item.live ? make("a", { class: "live", href: item.live, target: "_blank", rel: "noopener", "aria-label": `Open live: ${item.name}` }, "Open live") : null;
  const head = make("figcaption", {}, make("b", {}, item.name), item.note ? make("span", { class: "note" }, item.note) : null, live);
  return make("figure", { class: item.is_best ? "best" : null }, head, shown, said);
}

function comparison(before, after) {
  const stage = make("div", { class: "page stage" }, picture(before), make("div", { class: "over" }, picture(after)), make("i", { class: "edge", "aria-hidden": "true" }));
  const range = make("input", { type: "range", min: 0, max: 100, step: 1, value: 50, "aria-label": `How much of ${before.name} is shown beside ${after.name}` });
  const put = () => {
    stage.style.setProperty("--at", `${range.value}%`);
    range.setAttribute("aria-valuetext", `${range.value} % ${before.name}, ${100 - range.value} % ${after.name}`);
  };
  range.addEventListener("input", put);
  let isHeld = false;
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    range.value = Math.round(((event.clientX - box.left) / box.width) * 100);
    put();
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    isHeld = true;
    stage.setPointerCapture(event.pointerId);
    range.focus({ preventScroll: true });
    follow(event);
    event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => isHeld && follow(event));
  for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, () => (isHeld = false));
  put();
  const names = make("div", { class: "names" }, make("span", {}, `Before: ${before.name}`), make("span", {}, `After: ${after.name}`));
  return make("figure", { class: "compared" }, make("figcaption", {}, names), stage, range);
}

export default async function ({ data, parentElement }) {
  const root = parentElement.querySelector(".pictures");
  const style = parentElement.querySelector("link");
  if (style && !style.sheet) await new Promise((resolve) => (style.onload = style.onerror = resolve));
  const key = JSON.stringify(data);
  if (!root || root.dataset.key === key) return;
  root.dataset.key = key;
  root.replaceChildren(...(data.compare ? [comparison(...data.compare)] : data.row.map(card)));
}
