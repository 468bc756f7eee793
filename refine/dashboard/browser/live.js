// One live candidate at a time: whichever page was opened last has its frame, in whatever tab; the others put theirs away.
(() => {
  "use strict";
  const tabs = new BroadcastChannel("refine-live");
  const frame = document.querySelector("refine-frame");
  tabs.onmessage = () => {
    if (!frame.isConnected) return;
    frame.remove();
    document.querySelector(".state").textContent = "Put away: another page was opened live.";
    for (const button of document.querySelectorAll("header button")) button.disabled = true;
  };
  tabs.postMessage("opened");
})();
