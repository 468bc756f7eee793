const FIRST = ["Read the brief", "Make a first version", "Ask someone to try it"];
let items = [];

function begin() {
  items = FIRST.map((text) => ({ text: text, done: false }));
}

function doneCount() {
  return items.filter((item) => item.done).length;
}

function share() {
  return items.length === 0 ? 0 : doneCount() / items.length;
}

function go() {
  const text = byId("entry").value.trim();
  if (text === "") {
    tell("Write something first.");
    return;
  }
  items.push({ text: text, done: false });
  byId("entry").value = "";
  step("Added.");
}

function toggle(item) {
  item.done = !item.done;
  step(item.done ? "Done." : "Open again.");
}

function remove(item) {
  items = items.filter((other) => other !== item);
  step("Removed.");
}

function isShown(item) {
  return byId("filter").value === "all" || !item.done;
}

function show() {
  byId("open").textContent = items.length - doneCount();
  const list = byId("items");
  list.replaceChildren();
  const count = items.length;
  for (let index = 0; index < count; index += 1) {
    const item = items[index];
    if (!isShown(item)) continue;
    const row = document.createElement("li");
    const text = make("span", item.text);
    if (item.done) text.classList.add("done");
    row.append(make("button", item.done ? "Reopen" : "Done", () => toggle(item)));
    row.append(make("button", "Remove", () => remove(item)), text);
    list.append(row);
  }
}

byId("filter").addEventListener("change", refresh);
byId("entry").addEventListener("keydown", (event) => {
  if (event.key === "Enter") go();
});
