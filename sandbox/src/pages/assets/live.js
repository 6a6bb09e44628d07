// Keeps the page as the server would show it now, and leaves alone what the reader does: focus, scrolling, folds, and
// what is being typed. Without this script everything works by loading pages.
"use strict";

const parser = new DOMParser();
let changes = null;
let busy = false;
let again = false;

async function look() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    do {
      again = false;
      const address = location.href;
      const response = await fetch(address, { headers: { accept: "text/html" } });
      const text = await response.text();
      // The reader may have gone to another page meanwhile.
      if (location.href === address) {
        show(text);
      }
    } while (again);
  } catch {
    // The server is gone; the event stream tells when it is back.
  } finally {
    busy = false;
  }
}

function show(text) {
  const fresh = parser.parseFromString(text, "text/html");
  const main = document.getElementById("main");
  const before = main.dataset.state;
  const next = fresh.getElementById("main");
  become(main, next);
  if (document.title !== fresh.title) {
    document.title = fresh.title;
  }
  if (before !== next.dataset.state) {
    document.getElementById("news").textContent = next.dataset.state;
  }
}

// Makes an element equal to another one by as few changes as possible.
function become(element, model) {
  for (const { name } of [...element.attributes]) {
    if (!model.hasAttribute(name) && !isReaders(element, name)) {
      element.removeAttribute(name);
    }
  }
  for (const { name, value } of model.attributes) {
    if (element.getAttribute(name) !== value && !isReaders(element, name)) {
      element.setAttribute(name, value);
    }
  }
  const named = new Map();
  for (const child of element.children) {
    if (child.id) {
      named.set(child.id, child);
    }
  }
  let here = element.firstChild;
  for (const wanted of [...model.childNodes]) {
    const found = wanted.id ? named.get(wanted.id) : here;
    if (!found || !isAlike(found, wanted)) {
      element.insertBefore(document.importNode(wanted, true), here);
      continue;
    }
    if (found === here) {
      here = here.nextSibling;
    } else {
      element.insertBefore(found, here);
    }
    if (found.nodeType === Node.ELEMENT_NODE) {
      become(found, wanted);
    } else if (found.data !== wanted.data) {
      found.data = wanted.data;
    }
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

// What the reader has set: an open fold, a value or a choice in a form.
function isReaders(element, attribute) {
  return (
    (attribute === "open" && element.localName === "details") ||
    (attribute === "value" && element.localName === "input" && element.type !== "hidden") ||
    (attribute === "selected" && element.localName === "option")
  );
}

function isAlike(node, model) {
  return node.nodeName === model.nodeName && (node.id ?? "") === (model.id ?? "");
}

// Buttons act without leaving the page, so that focus and scrolling stay.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.method !== "post") {
    return;
  }
  event.preventDefault();
  // Not `form.action`, which is a button where one bears this name.
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const response = await fetch(form.getAttribute("action"), { method: "POST", body });
  const text = await response.text();
  form.closest("details")?.removeAttribute("open");
  if (response.ok) {
    history.replaceState(null, "", response.url);
  } else {
    // What was refused stays to be read.
    unwatch();
  }
  show(text);
});

function watch() {
  unwatch();
  changes = new EventSource("/changes");
  changes.addEventListener("message", look);
}

function unwatch() {
  changes?.close();
}

// A browser keeps pages to go back to, and with each its stream, but has only six connections to a server.
window.addEventListener("pageshow", watch);
window.addEventListener("pagehide", unwatch);
