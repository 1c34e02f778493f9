// Shows the state of a process while one drags through its slots. Without this script the form and the
// links load the page of the slot.
//
// The server renders everything: the page of the slot is fetched, and what differs is exchanged.

const SETTLE = 150;
const form = document.getElementById("travel-form");
const range = document.getElementById("at-range");
const number = document.getElementById("at-number");
const state = document.getElementById("state");

let timer;
let asked;

range.addEventListener("input", () => {
  number.value = range.value;
  soon();
});
number.addEventListener("input", () => {
  if (number.value === "" || !number.checkValidity()) return;
  range.value = number.value;
  soon();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (number.value !== "") range.value = number.value;
  load(range.value);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-at]");
  if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const word = link.textContent;
  range.value = number.value = link.dataset.at;
  load(link.dataset.at, word);
});

function soon() {
  clearTimeout(timer);
  timer = setTimeout(() => load(range.value), SETTLE);
}

// The newest wish counts; what was asked before is given up, also by the server.
async function load(at, word) {
  clearTimeout(timer);
  asked?.abort();
  const mine = (asked = new AbortController());
  state.setAttribute("aria-busy", "true");
  const address = `${form.getAttribute("action")}?at=${at}`;
  try {
    const answer = await fetch(address, { headers: { accept: "text/html" }, signal: mine.signal });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!fresh.getElementById("state")) return location.assign(address);
    for (const button of fresh.querySelectorAll("button.copy")) button.hidden = false;
    for (const part of document.querySelectorAll("[data-swap]")) {
      const other = fresh.querySelector(`[data-swap="${part.dataset.swap}"]`);
      if (other) part.replaceChildren(...other.childNodes);
    }
    range.max = number.max = fresh.getElementById("at-range").max;
    document.title = fresh.title;
    history.replaceState(null, "", address);
    // Whoever goes on by keyboard finds the link where it was.
    const links = [...document.querySelectorAll("a[data-at]")];
    if (word) links.find((link) => link.textContent === word)?.focus();
    state.removeAttribute("aria-busy");
  } catch {
    // Given up for a newer wish, or the gateway is away: then the form still leads there.
    if (mine === asked) state.removeAttribute("aria-busy");
  }
}
