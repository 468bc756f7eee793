const SYMBOLS = ["★", "♣", "♥", "♦", "☀", "☂", "♫", "☘"];
let cards = [];
let turned = [];
let flips = 0;
let peeking = false;

function begin() {
  cards = [...SYMBOLS, ...SYMBOLS].map((symbol) => ({ symbol: symbol, found: false, order: Math.random() }));
  cards.sort((a, b) => a.order - b.order);
  turned = [];
  flips = 0;
  peeking = false;
}

function foundCount() {
  return cards.filter((card) => card.found).length;
}

function share() {
  return cards.length === 0 ? 0 : foundCount() / cards.length;
}

function isMatch(first, second) {
  return first.symbol === second.symbol;
}

function flip(card) {
  if (card.found || turned.includes(card)) return;
  if (turned.length === 2) turned = [];
  turned.push(card);
  flips += 1;
  if (turned.length < 2) {
    step("Now find its twin.");
    return;
  }
  if (isMatch(turned[0], turned[1])) {
    turned.forEach((each) => { each.found = true; });
    turned = [];
    step(foundCount() === cards.length ? "All pairs found." : "A pair.");
  } else {
    step("No pair; try again.");
  }
}

function go() {
  const seconds = Math.min(9, Math.max(1, Number(byId("peek").value) || 2));
  peeking = true;
  step("Look quickly.");
  setTimeout(() => {
    peeking = false;
    refresh();
  }, seconds * 1000);
}

function show() {
  byId("tries").textContent = Math.floor(flips / 2);
  const grid = byId("cards");
  grid.replaceChildren();
  const count = cards.length;
  for (let index = 0; index < count; index += 1) {
    const card = cards[index];
    const isOpen = card.found || peeking || turned.includes(card);
    const button = make("button", isOpen ? card.symbol : "?", () => flip(card));
    if (card.found) button.classList.add("right");
    grid.append(button);
  }
}
