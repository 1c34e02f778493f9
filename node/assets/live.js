// Keeps an open page up to date. Without this script every page works, it only stands still.
//
// The server renders everything: when an outcome concerns the page, the page is fetched again and
// the rows and sections that differ are exchanged. Only the feed is filled from the events.

const PAUSE = 1000;
const SETTLE = 2000;
const watched = document.body.dataset.live;
const badge = document.getElementById("live");
const feed = document.getElementById("feed");

for (const button of document.querySelectorAll("button.copy")) button.hidden = false;
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
  } catch {
    button.textContent = "not allowed";
  }
  setTimeout(() => (button.textContent = "copy"), 1500);
});

if (watched) watch();

function watch() {
  const concerned = watched === "*" ? null : new Set(watched.split(" "));
  const address = concerned?.size === 1 ? `/api/v1/events?process=${[...concerned][0]}` : "/api/v1/events";
  const events = new EventSource(address);
  events.addEventListener("open", () => {
    show("live");
    // What happened between the page and its first event; the network is watched a little later.
    refresh();
    setTimeout(refresh, SETTLE);
  });
  events.addEventListener("error", () => show("reconnecting"));
  events.addEventListener("missed", () => refresh());
  events.addEventListener("outcome", (event) => {
    const outcome = JSON.parse(event.data);
    if (concerned && !concerned.has(outcome.process)) return;
    if (feed) tell(outcome);
    refresh();
  });
  addEventListener("pagehide", () => events.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  document.addEventListener("visibilitychange", () => !document.hidden && pending && refresh());
}

function show(state) {
  badge.hidden = false;
  badge.textContent = state;
  badge.dataset.state = state;
}

function tell(outcome) {
  const id = `f-${outcome.process}-${outcome.slot}`;
  const row = document.getElementById("feed-row").content.firstElementChild.cloneNode(true);
  row.id = id;
  row.dataset.time = outcome.time ?? feed.rows[0]?.dataset.time ?? 0;
  const process = row.querySelector(".process");
  process.href = `/process/${outcome.process}`;
  process.title = outcome.process;
  process.textContent = outcome.name ?? shorten(outcome.process);
  const slot = row.querySelector(".slot");
  slot.href = `/message/${outcome.message}`;
  slot.title = outcome.message;
  slot.textContent = outcome.slot;
  row.querySelector(".call").textContent = outcome.method ?? outcome.kind ?? "";
  row.querySelector(".outcome").replaceChildren(...summary(outcome));
  enter(row);
}

// Puts a row where its time belongs, if it is not there yet.
function enter(row) {
  if (document.getElementById(row.id)) return;
  const time = Number(row.dataset.time);
  const older = [...feed.rows].find((other) => Number(other.dataset.time) <= time);
  row.classList.add("new");
  feed.insertBefore(row, older ?? null);
  while (feed.rows.length > Number(feed.dataset.most)) feed.lastElementChild.remove();
  document.getElementById("quiet").hidden = true;
}

function summary(outcome) {
  if (outcome.ok) {
    const done = outcome.reply === null ? "reply follows" : outcome.reply === "null" ? "done" : outcome.reply;
    return [element("code", "good", done)];
  }
  return [element("span", "badge bad", outcome.error.code), " ", element("bdi", "", outcome.error.detail)];
}

function element(name, kind, text) {
  const made = document.createElement(name);
  made.className = kind;
  made.textContent = text;
  return made;
}

function shorten(id) {
  return `${id.slice(0, id.indexOf("1") + 7)}…${id.slice(-4)}`;
}

// One fetch at a time, at most one in PAUSE milliseconds, none while nobody looks.
let busy = false;
let pending = false;
async function refresh() {
  pending = true;
  if (busy || document.hidden) return;
  busy = true;
  while (pending && !document.hidden) {
    pending = false;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      // The event source says that the gateway is away, and comes back by itself.
    }
    // Whoever watches may miss an outcome: what waits is asked for again.
    if (document.querySelector("main .badge.wait")) setTimeout(refresh, SETTLE);
    await new Promise((done) => setTimeout(done, PAUSE));
  }
  busy = false;
}

function exchange(fresh) {
  for (const button of fresh.querySelectorAll("button.copy")) button.hidden = false;
  for (const row of [...fresh.querySelectorAll("#feed > tr")].reverse()) enter(row);
  for (const part of document.querySelectorAll("[data-swap]")) {
    const other = fresh.querySelector(`[data-swap="${part.dataset.swap}"]`);
    if (other) unfold(other, part);
    if (!other) part.hidden = true;
    else if (other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
  }
  for (const body of document.querySelectorAll("[data-rows]")) {
    const other = fresh.querySelector(`[data-rows="${body.dataset.rows}"]`);
    if (!other) continue;
    body.closest("table").hidden = other.rows.length === 0;
    merge(body, [...other.rows]);
  }
}

// What was unfolded stays unfolded.
function unfold(fresh, part) {
  const old = part.querySelectorAll("details");
  for (const [index, details] of fresh.querySelectorAll("details").entries()) {
    if (old[index]?.open) details.open = true;
  }
}

// Rows that did not change stay where they are, so that focus and selection survive.
function merge(body, fresh) {
  const old = new Map([...body.rows].map((row) => [row.id, row]));
  let cursor = body.firstElementChild;
  for (let row of fresh) {
    const known = old.get(row.id);
    if (known && (known.dataset.rev ? known.dataset.rev === row.dataset.rev : known.innerHTML === row.innerHTML)) {
      row = known;
    } else {
      row.classList.add("new");
      if (known) {
        if (known === cursor) cursor = row;
        known.replaceWith(row);
      }
    }
    if (row === cursor) cursor = row.nextElementSibling;
    else body.insertBefore(row, cursor);
  }
  while (cursor) {
    const next = cursor.nextElementSibling;
    cursor.remove();
    cursor = next;
  }
}
