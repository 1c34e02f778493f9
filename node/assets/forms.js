// Submits the form of a method and shows what came of it, without leaving the page. Without this
// script the browser submits it, and what came is a page of its own.
//
// The server renders everything: its page is read, and what it says of the fields and of the answer
// is taken over. What was typed stays as it is.

const form = document.querySelector("form.fill");
const came = document.getElementById("came");
if (form) form.addEventListener("submit", submit);

async function submit(event) {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  // Nothing is sent twice by an impatient hand.
  if (button.disabled) return;
  button.disabled = true;
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { prefer: "return=representation" },
      body: new URLSearchParams(new FormData(form)),
    });
    const text = await answer.text();
    const html = answer.headers.get("content-type")?.startsWith("text/html");
    take(html ? new DOMParser().parseFromString(text, "text/html") : null, text);
  } catch {
    say("The gateway does not answer. Whether the message was taken is not known: look at the log of the process.");
  } finally {
    button.disabled = false;
    form.removeAttribute("aria-busy");
  }
}

function take(page, text) {
  const fresh = page?.querySelector("form.fill");
  if (!fresh) {
    const main = page?.querySelector("main");
    if (main) came.replaceChildren(...main.childNodes);
    else say(reason(text));
    return;
  }
  for (const part of form.querySelectorAll(".problem")) part.remove();
  form.prepend(...fresh.querySelectorAll(".problem"));
  form.elements.mark.value = fresh.elements.mark.value;
  for (const wrong of form.querySelectorAll(".wrong")) {
    const said = fresh.querySelector(`#${wrong.id}`)?.textContent ?? "";
    wrong.textContent = said;
    const field = document.getElementById(wrong.id.replace("-wrong", ""));
    if (said) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  form.querySelector("[aria-invalid]")?.focus();
  came.replaceChildren(...(page.getElementById("came")?.childNodes ?? []));
}

// What stands before the pages answers in JSON.
function reason(text) {
  try {
    const { code, detail } = JSON.parse(text).error;
    return `${code}: ${detail}`;
  } catch {
    return "The gateway answers with something else than a page.";
  }
}

function say(text) {
  const note = document.createElement("p");
  note.className = "problem";
  note.textContent = text;
  came.replaceChildren(note);
}
