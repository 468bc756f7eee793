const SEEDS = [
  { name: "Poppy", price: 240, height: 60 },
  { name: "Borage", price: 310, height: 70 },
  { name: "Cornflower", price: 280, height: 80 },
];
const basket = new Map();
let discount = 0;

function format(cents) {
  return (cents / 100).toFixed(2) + " €";
}

function total() {
  let sum = 0;
  for (const [name, count] of basket) {
    const seed = SEEDS.find((each) => each.name === name);
    sum += seed.price * count;
  }
  return sum - (sum * discount) / 100;
}

function renderList() {
  document.querySelector("#list").innerHTML = SEEDS.map(
    (seed) => `<article class="card"><h3>${seed.name}</h3><p>Grows about ${seed.height} cm high.</p>
      <p>${format(seed.price)}</p><button class="btn add" data-name="${seed.name}">Put into the basket</button></article>`
  ).join("");
  document.querySelectorAll(".add").forEach((button) => {
    button.addEventListener("click", () => {
      basket.set(button.dataset.name, (basket.get(button.dataset.name) || 0) + 1);
      renderBasket();
    });
  });
}

function renderBasket() {
  const line = document.querySelector("#sum");
  line.textContent = basket.size === 0 ? "The basket is empty." : "To pay: " + format(total());
}

function clearBasket() {
  basket.clear();
  discount = 0;
  renderBasket();
}

document.querySelector("#apply").addEventListener("click", () => {
  discount = document.querySelector("#voucher").value ? 10 : 0;
  renderBasket();
});
document.querySelector("#clear").addEventListener("click", clearBasket);
renderList();
renderBasket();
