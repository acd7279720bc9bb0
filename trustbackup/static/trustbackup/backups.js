// Everything works without this; it only saves clicks.
"use strict";
document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-select-all]");
  if (!all) return;
  for (const box of document.querySelectorAll("input[name=selected]")) box.checked = all.checked;
});
document.addEventListener("DOMContentLoaded", () => {
  const head = document.querySelector("#backups thead th");
  if (!head) return;
  const box = document.createElement("input");
  box.type = "checkbox";
  box.dataset.selectAll = "";
  box.setAttribute("aria-label", head.textContent.trim());
  head.replaceChildren(box);
});
