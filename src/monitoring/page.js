"use strict";

// Every few seconds the page is asked for anew, and only what it tells is exchanged: focus and scrolling stay.
const PACE = 5000;

async function renew() {
  if (document.hidden) return;
  const old = document.querySelector("main");
  try {
    const answer = await fetch("/", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    exchange(old, page.querySelector("main"));
    document.title = page.title;
  } catch {
    document.title = "Not reached – fn-aws-guardduty";
    const state = document.querySelector("[role=status]");
    state.textContent = "✗ The worker does not answer; what is below is old";
    state.className = "bad";
  }
}

// Section by section, and only where something differs: what is being read or selected is left alone.
function exchange(old, fresh) {
  const parts = [...old.children];
  [...fresh.children].forEach((part, place) => {
    const before = parts[place];
    if (before.isEqualNode(part)) return;
    const scrolled = [...before.querySelectorAll(".scrolls")].map((box) => box.scrollLeft);
    const focused = [...before.querySelectorAll(".scrolls")].indexOf(document.activeElement);
    before.replaceWith(part);
    const boxes = [...part.querySelectorAll(".scrolls")];
    boxes.forEach((box, n) => { box.scrollLeft = scrolled[n] ?? 0; });
    boxes[focused]?.focus({ preventScroll: true });
  });
}

setInterval(renew, PACE);
document.addEventListener("visibilitychange", renew);
