// What the pages do beyond links and forms. Everything works without it, except what
// moves.
(() => {
  "use strict";

  // A time is never without its zone: readers and auditors sit in different ones.
  const at = { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" };
  const atFormat = new Intl.DateTimeFormat(undefined, at);
  const exactFormat = new Intl.DateTimeFormat(undefined, { ...at, second: "2-digit" });
  const agoFormat = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  const steps = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

  // ago says how long ago (or ahead) a moment is, in its largest unit.
  function ago(moment) {
    let value = (moment - Date.now()) / 1000;
    for (const [unit, size] of steps) {
      if (Math.abs(value) < size) return agoFormat.format(Math.round(value), unit);
      value /= size;
    }
    return "";
  }

  // localTimes writes the times below a node in the reader's own zone.
  function localTimes(root) {
    for (const node of root.querySelectorAll("time[data-time]")) {
      const moment = new Date(node.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      if (!node.title) node.title = `${atFormat.format(moment)} (${node.dateTime})`;
      switch (node.dataset.time) {
        case "ago": node.textContent = ago(moment); break;
        case "exact": node.textContent = exactFormat.format(moment); break;
        default: node.textContent = atFormat.format(moment);
      }
    }
  }

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.classList.add("pc-copied");
      setTimeout(() => button.classList.remove("pc-copied"), 1500);
    } catch {
      notify("The browser did not let the page copy. Select the text and copy it yourself.");
    }
  }

  // switchTheme keeps the page, and what is typed in it, where the form would load it anew.
  async function switchTheme(form) {
    const button = form.querySelector("button");
    const theme = button.value;
    const answer = await fetch(form.action, { method: "POST", redirect: "manual", body: new URLSearchParams({ theme, here: "/" }) });
    if (answer.type !== "opaqueredirect") throw new Error("the theme was not kept");
    if (theme === "auto") document.documentElement.removeAttribute("data-bs-theme");
    else document.documentElement.setAttribute("data-bs-theme", theme);
    button.value = { auto: "dark", dark: "light", light: "auto" }[theme];
    button.title = `Theme: ${theme === "auto" ? "as the system" : theme}`;
    button.setAttribute("aria-label", `${button.title}. Switch to ${button.value}`);
  }

  function notify(text) {
    const notice = document.getElementById("notice");
    if (!notice) return;
    notice.textContent = text;
    notice.classList.add("pc-shown");
    setTimeout(() => notice.classList.remove("pc-shown"), 8000);
  }

  // checkAll makes a check box in a table's head stand for all below it, and tells a
  // form how many are chosen.
  function checkAll(event) {
    const table = event.target.closest("[data-check]");
    if (!table) return;
    const all = table.querySelector("[data-check-all]");
    const boxes = [...table.querySelectorAll("[data-check-one]")];
    if (event.target === all) boxes.forEach((box) => { box.checked = all.checked; });
    countChecked(table);
  }

  function countChecked(table) {
    const boxes = [...table.querySelectorAll("[data-check-one]")];
    const chosen = boxes.filter((box) => box.checked).length;
    const all = table.querySelector("[data-check-all]");
    if (all) {
      all.checked = chosen > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    }
    for (const node of table.querySelectorAll("[data-checked]")) node.textContent = String(chosen);
    for (const button of table.querySelectorAll("[data-needs-chosen]")) button.disabled = chosen === 0;
  }

  // enhance prepares new content of the page.
  function enhance(root) {
    localTimes(root);
    const tables = root.matches?.("[data-check]") ? [root] : root.querySelectorAll("[data-check]");
    tables.forEach(countChecked);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    const fill = event.target.closest("[data-fill]");
    if (fill) {
      const field = document.getElementById(fill.dataset.fill);
      if (field) {
        const before = field.tagName === "TEXTAREA" ? field.value.trimEnd() : "";
        field.value = (before ? before + "\n" : "") + fill.dataset.value;
        field.focus();
      }
    }
  });
  document.addEventListener("change", checkAll);
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-theme-form]")) return;
    event.preventDefault();
    switchTheme(form).catch(() => notify("The console cannot be reached. Check the connection, then try again."));
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const field = document.querySelector("[data-search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  });

  document.addEventListener("htmx:load", (event) => enhance(event.target));
  // "Show more" goes away with what it has shown: who pressed it goes on at the first new row.
  let more = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const rows = event.detail.target;
    more = event.detail.requestConfig?.elt.rel === "next" ? { rows, from: rows.children.length } : null;
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    localTimes(document);
    if (more) more.rows.children[more.from]?.querySelector("a, button, input, summary")?.focus({ preventScroll: true });
    more = null;
    const table = event.target.closest?.("[data-check]");
    if (table) countChecked(table);
  });
  // A screen reader hears how a live page goes on: at once when the state changes, and
  // otherwise every ten seconds at most.
  let heard = { state: document.querySelector("#rollout-status .pc-dot")?.textContent, at: Date.now() };
  document.addEventListener("htmx:sseMessage", (event) => {
    if (event.target.id !== "rollout-status") return;
    const state = event.target.querySelector(".pc-dot")?.textContent;
    if (state === heard.state && Date.now() - heard.at < 10000) return;
    heard = { state, at: Date.now() };
    document.getElementById("announced").textContent = `${state}. ${document.getElementById("rollout-sentence").textContent}`;
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    notify("The console could not answer that. Load the page again.");
  });
  document.addEventListener("htmx:sendError", () => notify("The console cannot be reached. Check the connection, then try again."));

  // A link to choose a password carries its code after the #, which the browser does not send.
  const fromHash = document.querySelector("[data-from-hash]");
  if (fromHash && location.hash.length > 1) {
    const field = fromHash.elements[fromHash.dataset.fromHash];
    field.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  }

  // Where the navigation is one line that scrolls, the page that is shown is in sight.
  // Not by scrollIntoView: the first press of Tab would go on from there.
  const nav = document.querySelector(".pc-nav");
  const current = nav?.querySelector("[aria-current]");
  if (current) nav.scrollLeft += current.getBoundingClientRect().left - (nav.clientWidth - current.offsetWidth) / 2;
  enhance(document.body);
  document.querySelector("[data-focus]")?.focus();
  // Back on a page, the browser puts ticks where they were, after all of the above.
  window.addEventListener("pageshow", () => document.querySelectorAll("[data-check]").forEach(countChecked));
  setInterval(() => localTimes(document), 30000);
})();
