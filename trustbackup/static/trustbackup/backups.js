// Everything works without this; it only saves clicks. Its words come from the page.
"use strict";
(() => {
  const boxes = () => [...document.querySelectorAll("#backups tbody input[name=selected]")];
  const all = () => [...document.querySelectorAll("[data-select-all]")];

  const count = () => {
    const bar = document.querySelector(".tb-selection");
    if (!bar) return;
    const ticked = boxes().filter((box) => box.checked).length;
    const text = bar.querySelector(".tb-count");
    text.dataset.nothing ??= text.textContent;
    text.textContent = ticked ? bar.dataset.count.replace("%s", ticked) : text.dataset.nothing;
    for (const box of all()) {
      box.checked = ticked > 0 && ticked === boxes().length;
      box.indeterminate = ticked > 0 && !box.checked;
    }
  };

  const selectAll = (text, shown) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.dataset.selectAll = "";
    if (shown) {
      label.append(box, ` ${text}`);
    } else {
      box.setAttribute("aria-label", text);
      label.append(box);
    }
    return label;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const bar = document.querySelector(".tb-selection");
    if (!bar) return;
    document.querySelector("#backups thead td").replaceChildren(selectAll(bar.dataset.all, false));
    const label = selectAll(bar.dataset.all, true);
    label.className = "tb-phone";
    bar.prepend(label);
    count();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-all]")) {
      for (const box of boxes()) box.checked = event.target.checked;
    }
    count();
  });

  // A run's page is replaced every second: its log stays as open as it was, and what changed
  // is announced to screen readers once.
  let open = true;
  document.addEventListener("htmx:beforeSwap", () => {
    open = document.querySelector("#run details")?.open ?? open;
  });
  document.addEventListener("htmx:afterSettle", () => {
    const log = document.querySelector("#run details");
    if (log) log.open = open;
    const announced = document.querySelector("#run-announced");
    const parts = [...document.querySelectorAll("#run [data-announce]")];
    const text = parts.map((part) => part.textContent.trim()).join(", ");
    if (announced && announced.textContent !== text) announced.textContent = text;
  });

  // Where the browser lets a page copy at all: over plain HTTP it does from this machine alone.
  document.addEventListener("DOMContentLoaded", () => {
    if (!navigator.clipboard) return;
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.dataset.before ??= button.textContent;
    button.setAttribute("aria-live", "polite");
    button.textContent = button.dataset.copied;
    setTimeout(() => (button.textContent = button.dataset.before), 2000);
  });
})();
