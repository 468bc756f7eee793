const keys = ["7", "8", "9", "÷", "4", "5", "6", "×", "1", "2", "3", "−", "C", "0", ".", "+"];
const operations = {
  "+": (a, b) => a + b,
  "−": (a, b) => a - b,
  "×": (a, b) => a * b,
  "÷": (a, b) => a / b,
};
let entry = "0";
let kept = null;
let operator = null;
let tape = [];

function begin() {
  entry = "0";
  kept = null;
  operator = null;
  tape = [];
}

function share() {
  return Math.min(1, tape.length / 5);
}

function format(value) {
  if (!Number.isFinite(value)) return "not a number";
  const digits = Math.min(8, Math.max(0, Math.round(Number(byId("digits").value) || 0)));
  return String(Number(value.toFixed(digits)));
}

function press(key) {
  if (key === "C") {
    entry = "0";
    kept = null;
    operator = null;
  } else if (key in operations) {
    if (operator !== null && entry !== "") go();
    if (entry !== "") kept = Number(entry);
    operator = key;
    entry = "";
  } else if (key !== "." || !entry.includes(".")) {
    entry = entry === "0" && key !== "." ? key : entry + key;
  }
  step("Pressed " + key + ".");
}

function go() {
  if (operator === null || entry === "" || kept === null) {
    tell("Enter two numbers and an operation first.");
    return;
  }
  const result = format(operations[operator](kept, Number(entry)));
  tape = [format(kept) + " " + operator + " " + entry + " = " + result, ...tape].slice(0, 5);
  entry = result === "not a number" ? "0" : result;
  kept = null;
  operator = null;
  step("The result is " + result + ".");
}

function show() {
  byId("display").textContent = entry === "" ? operator : entry;
  const pad = byId("keys");
  pad.replaceChildren();
  const count = keys.length;
  for (let index = 0; index < count; index += 1) {
    pad.append(make("button", keys[index], () => press(keys[index])));
  }
  byId("tape").replaceChildren(...tape.map((line) => make("li", line)));
}

byId("digits").addEventListener("change", refresh);
