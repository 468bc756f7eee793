// The bar above a preview: the frame's width, its state, and showing it afresh.
(() => {
  "use strict";
  const frame = document.querySelector("refine-frame");
  const state = document.querySelector(".state");
  const SAYS = {
    loading: "Loading …",
    ready: "Click the page to use it",
    active: "In use · Alt+Shift+X leaves it",
    hung: "Does not respond",
    flooded: "Stopped",
    left: "Left",
    failed: "Could not be loaded",
  };
  const say = () => {
    state.textContent = SAYS[frame.state] ?? "";
    state.dataset.state = frame.state;
  };
  frame.addEventListener("refine-state", say);
  frame.addEventListener("refine-sounds", () => frame.allowSound()); // whoever previews a page wants to hear it
  say();
  const buttons = [...document.querySelectorAll("[data-width]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      const width = button.dataset.width;
      frame.style.maxWidth = width ? `${width}px` : "none";
      document.body.classList.toggle("narrow", Boolean(width));
    });
  }
  document.querySelector(".again").addEventListener("click", () => frame.show());
})();
