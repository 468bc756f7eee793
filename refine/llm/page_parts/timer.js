const presets = [1, 3, 5, 10, 25];
let whole = 300;
let left = 300;
let running = false;

function begin() {
  whole = readMinutes() * 60;
  left = whole;
  running = false;
}

function readMinutes() {
  const minutes = Number(byId("minutes").value);
  return Number.isFinite(minutes) ? Math.min(90, Math.max(1, Math.round(minutes))) : 5;
}

function share() {
  return 1 - left / whole;
}

function go() {
  if (left === 0) begin();
  running = !running;
  step(running ? "The clock is running." : "Paused.");
}

function tick() {
  byId("now").textContent = new Date().toLocaleTimeString();
  if (!running) return;
  left -= 1;
  if (left === 0) {
    running = false;
    tell("Time is up.");
  }
  refresh();
}

function setMinutes(minutes) {
  byId("minutes").value = minutes;
  begin();
  step("Set to " + minutes + " min.");
}

function show() {
  const minutes = Math.floor(left / 60);
  const seconds = left % 60;
  byId("clock").textContent = String(minutes).padStart(2, "0") + ":" + String(seconds).padStart(2, "0");
  const list = byId("presets");
  list.replaceChildren();
  const count = presets.length;
  for (let index = 0; index < count; index += 1) {
    list.append(make("button", presets[index] + " min", () => setMinutes(presets[index])));
  }
}

byId("minutes").addEventListener("change", () => setMinutes(readMinutes()));
setInterval(tick, 1000);
