"use strict";
// The page works without this: masked pictures, captions and charts are plain HTML. This adds comparing and filtering.

const root = document.documentElement;
const cards = [...document.querySelectorAll(".card")];
const grid = document.querySelector(".cards");
const wanted = {};  // filter name -> set of values that are switched on; an empty set lets everything through

function switchTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

function moveCut(box, share) {
  box.style.setProperty("--cut", `${Math.max(0, Math.min(1, share)) * 100}%`);
  box.classList.add("moving");
}

function rest(box) {
  box.style.setProperty("--cut", "0%");
  box.classList.remove("moving");
}

function shown() {
  return cards.filter((card) => !card.hidden);
}

function applyFilters() {
  for (const card of cards) {
    card.hidden = Object.entries(wanted).some(([name, values]) => values.size && !values.has(card.dataset[name]));
  }
  const count = document.querySelector(".filters output");
  if (count) count.textContent = `${shown().length} of ${cards.length} shown`;
}

function toggleChip(chip) {
  const values = (wanted[chip.dataset.filter] ??= new Set());
  const on = chip.getAttribute("aria-pressed") !== "true";
  chip.setAttribute("aria-pressed", on);
  if (on) values.add(chip.dataset.value);
  else values.delete(chip.dataset.value);
  applyFilters();
}

function setView(view) {
  grid.dataset.view = view;
  for (const chip of document.querySelectorAll("[data-view-name]")) {
    chip.setAttribute("aria-pressed", chip.dataset.viewName === view);
  }
}

function sortBy(name) {
  const order = [...cards];
  if (name) order.sort((a, b) => parseFloat(a.dataset[name]) - parseFloat(b.dataset[name]));
  grid.append(...order);
}

function figure(title, ...pictures) {
  const box = document.createElement("figure");
  const stack = document.createElement("div");
  stack.style.position = "relative";
  pictures.forEach((source, number) => {
    const picture = document.createElement("img");
    picture.src = source.src;
    picture.alt = source.alt;
    if (number) picture.style.cssText = "position:absolute;inset:0;height:100%;background:none";
    else if (pictures.length > 1) picture.style.filter = "grayscale(1) brightness(.55)";
    stack.append(picture);
  });
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  box.append(stack, caption);
  return box;
}

function openCard(card) {
  const dialog = document.querySelector("dialog");
  const part = (name) => card.querySelector(`.${name}`);
  dialog.querySelector("h3").textContent = card.querySelector("h3 .name").textContent;
  dialog.querySelector(".trio").replaceChildren(
    figure("photo", part("gt")), figure("masked", part("masked")), figure("map", part("gt"), part("parts")));
  const facts = dialog.querySelector(".facts");
  facts.replaceChildren();
  for (const [name, value] of JSON.parse(card.dataset.facts)) {
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    facts.append(term, text);
  }
  dialog.dataset.key = card.id;
  if (!dialog.open) dialog.showModal();
}

function step(by) {
  const list = shown(), dialog = document.querySelector("dialog");
  const now = list.findIndex((card) => card.id === dialog.dataset.key);
  if (list.length) openCard(list[(now + by + list.length) % list.length]);
}

document.querySelector(".theme")?.addEventListener("click", switchTheme);
for (const chip of document.querySelectorAll("[data-filter]")) chip.addEventListener("click", () => toggleChip(chip));
for (const chip of document.querySelectorAll("[data-view-name]")) chip.addEventListener("click", () => setView(chip.dataset.viewName));
document.querySelector(".filters select")?.addEventListener("change", (event) => sortBy(event.target.value));

for (const card of cards) {
  const box = card.querySelector(".compare");
  box.addEventListener("pointermove", (event) => {
    const frame = box.getBoundingClientRect();
    if (grid.dataset.view === "compare") moveCut(box, (event.clientX - frame.left) / frame.width);
  });
  box.addEventListener("pointerleave", () => rest(box));
  box.addEventListener("click", () => openCard(card));
  box.addEventListener("keydown", (event) => {
    const cut = parseFloat(box.style.getPropertyValue("--cut")) || 0;
    if (event.key === "Enter") openCard(card);
    else if (event.key === "ArrowRight") moveCut(box, cut / 100 + .1);
    else if (event.key === "ArrowLeft") moveCut(box, cut / 100 - .1);
    else return;
    event.preventDefault();
  });
}
const dialog = document.querySelector("dialog");
if (dialog) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.querySelector(".back").addEventListener("click", () => step(-1));
  dialog.querySelector(".next").addEventListener("click", () => step(1));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
  });
}
if (cards.length) applyFilters();
