const shapes = [
  { tag: "ellipse", cx: 0, cy: 96, rx: 170, ry: 14, fill: "#b9c3d3" },
  { tag: "rect", x: -110, y: -30, width: 220, height: 100, rx: 18, main: true },
  { tag: "circle", cx: -70, cy: 76, r: 26, fill: "#39414f" },
  { tag: "circle", cx: 70, cy: 76, r: 26, fill: "#39414f" },
  { tag: "polygon", points: "-80,-30 0,-92 80,-30", main: true },
  { tag: "rect", x: -30, y: 0, width: 60, height: 40, rx: 6, fill: "#ffe9a8" },
];
let turn = 0;
let isMoving = false;
let isNight = false;

function begin() {
  turn = 0;
  isMoving = false;
  isNight = false;
}

function share() {
  return turn / 360;
}

function go() {
  turn = (turn + 15) % 360;
  step("Turned to " + turn + " degrees.");
}

function toggleMotion() {
  isMoving = !isMoving;
  step(isMoving ? "In motion." : "At rest.");
}

function toggleLight() {
  isNight = !isNight;
  step(isNight ? "Night." : "Day.");
}

function glide() {
  if (!isMoving) return;
  turn = (turn + 3) % 360;
  refresh();
}

function add(parent, tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  parent.append(node);
  return node;
}

function show() {
  byId("angle").textContent = turn;
  const scene = byId("scene");
  scene.replaceChildren();
  add(scene, "rect", { x: 0, y: 0, width: 640, height: 320, fill: isNight ? "#22304d" : "#dcebfa" });
  const scale = Number(byId("size").value) / 10;
  const place = "translate(320 160) rotate(" + turn + ") scale(" + scale + ")";
  const group = add(scene, "g", { transform: place });
  const count = shapes.length;
  for (let index = 0; index < count; index += 1) {
    const { tag, main, ...rest } = shapes[index];
    add(group, tag, main ? { ...rest, fill: byId("color").value } : rest);
  }
}

byId("motion").addEventListener("click", toggleMotion);
byId("light").addEventListener("click", toggleLight);
byId("size").addEventListener("input", refresh);
byId("color").addEventListener("input", refresh);
setInterval(glide, 60);
