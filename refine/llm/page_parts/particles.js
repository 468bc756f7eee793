const colors = ["#2f6fdb", "#1a936f", "#c84630", "#7b4fb5"];
const canvas = byId("canvas");
const pen = canvas.getContext("2d");
let dots = [];
let color = colors[0];
let running = true;
let pushes = 0;

function begin() {
  dots = [];
  while (dots.length < 90) {
    dots.push({
      x: Math.random() * canvas.width,
      y: Math.random() * canvas.height,
      pace: 0.4 + Math.random(),
      size: 2 + Math.random() * 4,
    });
  }
  color = colors[0];
  running = true;
  pushes = 0;
}

function share() {
  return Math.min(1, pushes / 10);
}

function readSpeed() {
  return Number(byId("speed").value);
}

function go() {
  running = !running;
  step(running ? "Moving." : "Held still.");
}

function pick(choice) {
  color = choice;
  step("Color changed.");
}

function push(event) {
  const box = canvas.getBoundingClientRect();
  const x = ((event.clientX - box.left) * canvas.width) / box.width;
  const y = ((event.clientY - box.top) * canvas.height) / box.height;
  for (const dot of dots) {
    const far = Math.hypot(dot.x - x, dot.y - y) + 1;
    if (far < 90) {
      dot.x += ((dot.x - x) * 60) / far;
      dot.y += ((dot.y - y) * 60) / far;
    }
  }
  pushes += 1;
  step("Pushed.");
}

function move() {
  if (running) {
    for (const dot of dots) {
      dot.x = (dot.x + dot.pace * readSpeed() + canvas.width) % canvas.width;
      dot.y += Math.sin(dot.x / 40) * dot.pace;
    }
  }
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = color;
  for (const dot of dots) {
    pen.beginPath();
    pen.arc(dot.x, dot.y, dot.size, 0, Math.PI * 2);
    pen.fill();
  }
  requestAnimationFrame(move);
}

function show() {
  byId("percent").textContent = Math.round((100 * readSpeed()) / 10);
  const list = byId("colors");
  list.replaceChildren();
  const count = colors.length;
  for (let index = 0; index < count; index += 1) {
    const button = make("button", "Color " + (index + 1), () => pick(colors[index]));
    button.style.borderColor = colors[index];
    list.append(button);
  }
}

byId("speed").addEventListener("input", refresh);
canvas.addEventListener("click", push);
requestAnimationFrame(move);
