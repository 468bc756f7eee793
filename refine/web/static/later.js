// Waiting for work, and taking up again what was handed in.
(() => {
  "use strict";
  const R = window.Refine;
  const when = R.$("when");
  const LONGEST_MS = 600_000;

  function wait(retryAt) {
    const at = new Date(retryAt);
    const time = at.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
    when.textContent = R.t("later.when", { time });
    setTimeout(look, Math.min(LONGEST_MS, Math.max(5000, retryAt - Date.now())));
  }
  async function look() {
    if (document.hidden) {
      document.addEventListener("visibilitychange", look, { once: true });
      return;
    }
    const answer = await R.post("/claim", {});
    if (answer.status === 200 && answer.body.next) {
      when.textContent = R.t("later.work");
      document.title = R.t("later.work");
      R.go(answer.body.next);
    } else if (answer.status === 200) wait(answer.body.retryAt);
    else if (answer.status === 401) when.textContent = R.problem(answer);
    else wait(Date.now() + 30_000);
  }
  if (when) wait(R.data.retryAt);

  const again = R.$("reopen");
  const key = R.key();
  again?.addEventListener("click", async () => {
    again.disabled = true;
    const answer = await R.post(`/assignment/${R.data.assignment}/reopen`, { key });
    if (answer.status === 200) return R.go(answer.body.next);
    again.disabled = false;
    const said = R.$("said");
    said.textContent = R.problem(answer);
    said.hidden = false;
  });
})();
