// Signing in: the code stands behind the # of the link, which is sent to no server by itself.
(() => {
  "use strict";
  const R = window.Refine;
  const form = R.$("enter");
  const said = R.$("said");
  const say = (text, isWarning) => {
    said.textContent = text;
    said.classList.toggle("warn", isWarning);
    said.hidden = false;
  };
  async function enter(code) {
    say(R.t("enter.trying"), false);
    const answer = await R.post("/enter", { code });
    if (answer.status === 200) R.go(answer.body.next);
    else say(R.problem(answer), true);
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // People paste the whole link as well as what is behind its #.
    enter(R.$("code").value.trim().replace(/^.*#/, ""));
  });
  function follow() {
    const code = location.hash.slice(1);
    if (!code) return;
    history.replaceState(null, "", location.pathname);
    enter(code);
  }
  window.addEventListener("hashchange", follow); // a link opened while this page is
  follow();
})();
