const FIRST = [42, 67, 23, 81, 56];
const MOST = 12;
let values = [];

function begin() {
  values = FIRST.slice();
}

function share() {
  return values.length / MOST;
}

function go() {
  const value = Number(byId("value").value);
  if (!(value >= 0 && value <= 100)) {
    tell("Enter a number from 0 to 100.");
    return;
  }
  if (values.length === MOST) {
    tell("The chart is full; click a bar to remove it.");
    return;
  }
  values.push(value);
  step("Added " + value + ".");
}

function sort() {
  values.sort((a, b) => a - b);
  step("Sorted from low to high.");
}

function remove(index) {
  const value = values[index];
  values.splice(index, 1);
  step("Removed " + value + ".");
}

function draw(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  byId("chart").append(node);
  return node;
}

function show() {
  const sum = values.reduce((total, value) => total + value, 0);
  byId("average").textContent = values.length === 0 ? "–" : (sum / values.length).toFixed(1);
  byId("highest").textContent = values.length === 0 ? "–" : Math.max(...values);
  byId("chart").replaceChildren();
  const count = values.length;
  const width = 640 / Math.max(count, 1);
  for (let index = 0; index < count; index += 1) {
    const height = 250 * (values[index] / 100);
    const place = { x: index * width + 6, y: 270 - height, width: width - 12, height: height };
    const bar = draw("rect", { ...place, fill: "var(--accent)", tabindex: 0 });
    bar.addEventListener("click", () => remove(index));
    const text = draw("text", { x: index * width + width / 2, y: 290, "text-anchor": "middle" });
    text.textContent = values[index];
  }
}

byId("sort").addEventListener("click", sort);
