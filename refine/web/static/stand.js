// Standing by what was handed in: the same words and the same answer for every assignment.
(() => {
  "use strict";
  const R = window.Refine;
  const said = R.$("said");
  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-stand]") : null;
    if (!button) return;
    const reason = R.el("textarea", { id: "stand-reason", rows: "4", maxlength: "4000" });
    const words = [R.el("p", {}, R.t("stand.note")), R.el("label", { for: "stand-reason" }, R.t("stand.reason")), reason];
    const answer = await R.ask(R.t("stand.title"), words, [
      { value: "", text: R.t("stand.cancel") },
      { value: "stand", text: R.t("stand.go"), primary: true },
    ]);
    if (answer !== "stand" || !reason.value.trim()) return;
    button.disabled = true;
    const done = await R.post(`/assignment/${button.dataset.stand}/dispute`, { reason: reason.value });
    said.hidden = false;
    said.textContent = done.status === 200 ? R.t("stand.thanks") : R.problem(done);
    if (done.status === 200) button.replaceWith(R.el("small", {}, R.t("stand.done")));
    else button.disabled = false;
  });
})();
