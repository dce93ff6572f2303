"use strict";
/* Only an addition: everything works without it. `/` goes to the search, `g` and a letter to a page (see /help). */
(() => {
  const pages = { o: "/", q: "/queue", f: "/files", r: "/runs", c: "/connections", x: "/crosswalks", a: "/alerts", s: "/search", p: "/people", h: "/help" };
  const writes = (element) => element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
  let pressed = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
    if (event.key === "/") {
      const field = document.getElementById("find");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
      return;
    }
    if (event.key === "?") { window.location.assign("/help"); return; }
    if (event.key === "g") { pressed = Date.now(); return; }
    if (Date.now() - pressed < 1500 && Object.hasOwn(pages, event.key)) {
      event.preventDefault();
      window.location.assign(pages[event.key]);
    }
    pressed = 0;
  });
  /* A box `data-all="name"` ticks every box of that name. */
  document.addEventListener("change", (event) => {
    const name = event.target.dataset ? event.target.dataset.all : undefined;
    if (name === undefined) return;
    document.getElementsByName(name).forEach((box) => { box.checked = event.target.checked; });
  });
  /* A form `data-ask="question"` asks before it is sent. */
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.ask;
    if (question && !window.confirm(question)) event.preventDefault();
  });
})();
