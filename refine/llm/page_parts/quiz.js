const questions = [
  { text: "How many bits are in one byte?", options: ["4", "8", "16", "32"], answer: 1 },
  { text: "Which planet is the largest?", options: ["Earth", "Mars", "Jupiter", "Venus"], answer: 2 },
  { text: "What is 7 times 8?", options: ["54", "56", "58", "64"], answer: 1 },
  { text: "Which of these is a mammal?", options: ["Whale", "Shark", "Trout", "Frog"], answer: 0 },
  { text: "At sea level, water boils at…", options: ["50 °C", "75 °C", "90 °C", "100 °C"], answer: 3 },
];
let position = 0;
let chosen = null;
let right = 0;

function begin() {
  position = 0;
  chosen = null;
  right = 0;
}

function share() {
  return (position + (chosen === null ? 0 : 1)) / questions.length;
}

function choose(index) {
  if (chosen !== null) return;
  chosen = index;
  const isRight = index === questions[position].answer;
  if (isRight) right += 1;
  step(isRight ? "That is right." : "Not this time; the right choice is marked.");
}

function go() {
  if (chosen === null) {
    tell("Choose an option first.");
    return;
  }
  if (position === questions.length - 1) {
    const name = byId("name").value.trim() || "Well done";
    step(name + ": " + right + " of " + questions.length + " right. Start again for another try.");
    return;
  }
  position += 1;
  chosen = null;
  step("Next question.");
}

function show() {
  const question = questions[position];
  byId("number").textContent = position + 1;
  byId("total").textContent = questions.length;
  byId("question").textContent = question.text;
  byId("percent").textContent = Math.round((100 * right) / questions.length);
  const options = byId("options");
  options.replaceChildren();
  const count = question.options.length;
  for (let index = 0; index < count; index += 1) {
    const button = make("button", question.options[index], () => choose(index));
    if (chosen !== null && index === question.answer) button.classList.add("right");
    else if (chosen === index) button.classList.add("wrong");
    options.append(button);
  }
}
