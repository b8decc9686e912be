"use strict";

const $ = (id) => document.getElementById(id);
const CLOSER = 0.62; // fraction of the stage that a face fills when it is zoomed in on
const WIDEST = 2048; // largest side of the map as drawn, in pixels; phones lack the memory for more
const TRIES = 12; // requests before giving up while the queue is full
const COLOURS = { map: [0, 168, 150], doubt: [255, 140, 0] };
let limits = { max_bytes: 40e6, max_samples: 4 };
let opener = null, previous = "welcome"; // the button that began the current request, the section it was in
let job = null; // AbortController of the current request
let shown = null; // {file, given, answer, urls}: the chosen photo, what came with it, the response, the URLs of its images
let refused = null; // {file, given}: what was asked for when the second photo seemed to show another person
const KEY_STEP = 50; // of the slider's 1000
const NARROWEST = 0.5, BROADEST = 5; // width of the stage for each height; photos beyond have empty space beside them

function show(section) {
  for (const id of ["welcome", "work", "done"]) $(id).hidden = id !== section;
  window.scrollTo({ top: 0 });
}

function say(text) { $("live").textContent = text; }

function trouble(text) {
  if (text) say(""); // and not that work goes on; the message itself is announced
  $("why").textContent = text;
  $("anyway").hidden = true;
  $("trouble").hidden = !text;
}

function doubt(file, given) { // asks whether a second photo that seems to show another person is the right one
  refused = { file, given };
  trouble("The second photo seems to show another person. It must show the person of the first one.");
  $("anyway").hidden = false;
}

function pause(seconds) { return new Promise((wake) => setTimeout(wake, seconds * 1000)); }

function bodyOf(file, { map, reference }) {
  if (!map && !reference) return { body: file, headers: { "Content-Type": file.type.startsWith("image/") ? file.type : "application/octet-stream" } };
  const form = new FormData();
  form.append("photo", file, "photo");
  if (map) form.append("map", map, "map.png");
  if (reference) form.append("reference", reference, "reference");
  return { body: form };
}

async function ask(file, given, samples, signal) {
  const force = given.force ? "&force=true" : "";
  for (let tries = 1; ; tries++) {
    const answer = await fetch(`/api/unmask?samples=${samples}${force}`, { method: "POST", signal, ...bodyOf(file, given) });
    if (answer.ok) return answer.json();
    if (answer.status === 429 && tries < TRIES) {
      $("doing").textContent = "Many photos are waiting. Trying again in a moment …";
      await pause(Number(answer.headers.get("Retry-After")) || 2);
      if (signal.aborted) throw new DOMException("", "AbortError");
      continue;
    }
    const body = await answer.json().catch(() => ({}));
    const error = new Error(typeof body.detail === "string" ? body.detail : `The server answered with status ${answer.status}.`);
    throw Object.assign(error, { status: answer.status });
  }
}

async function unmask(file, { samples = 1, ...given } = {}) { // given: map, reference, force
  trouble("");
  if ([file, given.reference].some((one) => one?.type.startsWith("video/"))) return trouble("This is a video. The page takes photos; `unmask run` restores videos.");
  if (Math.max(file.size, given.reference?.size || 0) > limits.max_bytes) {
    return trouble(`The file is larger than ${limits.max_bytes / 1e6} MB. Choose a smaller copy, or use \`unmask run\`.`);
  }
  if (job) job.abort();
  else opener = document.activeElement;
  const mine = (job = new AbortController());
  if ($("work").hidden) previous = $("done").hidden ? "welcome" : "done";
  wait(file);
  try {
    const answer = await ask(file, given, samples, mine.signal);
    if (job !== mine) return;
    await present(file, given, answer);
  } catch (error) {
    if (job !== mine) return;
    show(shown && previous === "done" ? "done" : "welcome");
    goBack();
    if (error.status === 409) doubt(file, given);
    else if (error.name !== "AbortError") trouble(error instanceof TypeError ? "The server cannot be reached. Is unmask still running?" : sentence(error.message));
    else say("Cancelled");
  } finally {
    if (job === mine) job = null;
  }
}

function goBack() { // the focus, to the button that began
  const usable = opener && opener.isConnected && opener.matches("button, canvas") && opener.offsetParent && !opener.disabled;
  (usable ? opener : $("done").hidden ? $("choose") : $("again")).focus({ preventScroll: true });
}

function sentence(text) { return text[0].toUpperCase() + text.slice(1); }

function wait(file) {
  const address = URL.createObjectURL(file);
  $("sending").hidden = false;
  $("sending").onload = () => URL.revokeObjectURL(address);
  $("sending").onerror = () => { URL.revokeObjectURL(address); $("sending").hidden = true; }; // a kind that this browser cannot show
  $("sending").src = address;
  $("doing").textContent = "Looking for faces and masks …";
  say("Working on the photo");
  show("work");
  $("cancel").focus({ preventScroll: true });
}

function objectUrl(data) {
  const [head, body] = data.split(",", 2);
  const bytes = Uint8Array.from(atob(body), (letter) => letter.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: head.slice(5, head.indexOf(";")) }));
}

function revokeUrls() {
  if (shown) for (const url of [shown.urls.before, ...shown.urls.pictures]) URL.revokeObjectURL(url);
}

async function present(file, given, answer) {
  revokeUrls();
  const urls = { before: objectUrl(answer.before), pictures: answer.pictures.map(objectUrl) };
  const kind = answer.pictures[0]?.startsWith("data:image/png") ? "png" : "jpg";
  delete answer.before;
  answer.pictures = answer.pictures.map(() => kind); // only the blobs keep the bytes
  shown = { file, given, answer, urls, fit: fit(answer.width / answer.height) };
  const stage = $("stage");
  $("name").textContent = file.name || "Pasted photo";
  $("said").textContent = `${[answer.said, ...answer.warnings].map(sentence).join(" · ")} · ${answer.width} × ${answer.height} · ${answer.seconds.toFixed(1)} s`;
  $("before").src = urls.before;
  const changed = answer.pictures.length > 0;
  $("note").textContent = answer.note;
  $("kind").textContent = answer.by_reference ? "From the second photo" : "Invented";
  $("second").textContent = answer.by_reference ? "Use another photo of the person" : "Use a photo of the person";
  stage.classList.toggle("same", !changed);
  edit(false);
  for (const id of ["note", "save", "views", "second", "secondHint"]) $(id).hidden = !changed;
  $("edit").textContent = changed ? "Edit the map" : "Paint a mask";
  $("more").hidden = !changed || answer.pictures.length > 1 || limits.max_samples < 2;
  $("views").querySelector("[data-view=doubt]").hidden = !answer.disagreement;
  chips($("faces"), faceNames(answer), -1, look);
  chips($("guesses"), changed && answer.pictures.length > 1 ? answer.pictures.map((_, i) => [`Guess ${i + 1}`, i]) : [], 0, guess);
  guess(0);
  look(-1);
  view("compare");
  cut(500);
  await $("before").decode().catch(() => {});
  show("done");
  makeRoom();
  say(answer.said);
  (changed ? $("slider") : $("edit")).focus({ preventScroll: true });
}

function fit(ratio) { // lays the photo into the stage; returns the fractions of the stage that it covers
  const stage = Math.min(BROADEST, Math.max(NARROWEST, ratio));
  const covered = [Math.min(1, ratio / stage), Math.min(1, stage / ratio)];
  const style = $("stage").style;
  style.setProperty("--ratio", stage);
  style.setProperty("--across", `${100 * covered[0]}%`);
  style.setProperty("--down", `${100 * covered[1]}%`);
  return covered;
}

function makeRoom() { // bounds the photo so that what must be at hand fits the window with it
  const ample = matchMedia("(min-width: 561px) and (min-height: 700px)").matches;
  const others = ["editor", "controls", ...(ample ? ["secondHint", "note"] : [])].map($).filter((one) => one.offsetHeight);
  const below = others.reduce((sum, one) => sum + one.getBoundingClientRect().height + parseFloat(getComputedStyle(one).marginTop), 0);
  if ($("stage").offsetParent) $("stage").style.setProperty("--beside", `${Math.ceil($("stage").offsetTop + below) + 1}px`);
}

function edit(on) {
  for (const id of ["editor", "editActions", "paintLayer", "hint"]) $(id).hidden = !on;
  for (const id of ["actions", "guesses"]) $(id).hidden = on;
  for (const id of ["views", "secondHint"]) $(id).hidden = on || !shown.answer.pictures.length;
  view(on ? "edit" : "compare");
  makeRoom();
}

async function startEditing() {
  edit(true);
  await openBrush(shown.answer);
  $("paint").focus({ preventScroll: true });
  say("The map can be painted");
}

async function useMap() {
  const map = await mapBlob();
  if (map) unmask(shown.file, { ...shown.given, map });
  else trouble("The map is empty. Paint where the mask is.");
}

function faceNames(answer) {
  if (!answer.faces.length) return [];
  const across = answer.faces.map((face, i) => ({ face, i })).sort((a, b) => a.face.box[0] - b.face.box[0]);
  return [["Whole photo", -1], ...across.map(({ face, i }, at) => [`Face ${at + 1}${face.masked ? "" : ", no mask"}`, i])];
}

function chips(group, names, chosen, act) {
  group.replaceChildren(...names.map(([name, value]) => {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.textContent = name;
    chip.dataset.value = value;
    chip.addEventListener("click", () => act(value));
    return chip;
  }));
  press(group, chosen);
}

function press(group, value) {
  return [...group.querySelectorAll("button")].filter((chip) => {
    const pressed = (chip.dataset.value ?? chip.dataset.view) === String(value);
    chip.setAttribute("aria-pressed", String(pressed));
    return pressed;
  });
}

function guess(number) {
  const { answer, file, urls } = shown;
  press($("guesses"), number);
  $("after").src = urls.pictures[number] || urls.before;
  if (!urls.pictures.length) return;
  const stem = (file.name || "photo").replace(/\.[^.]*$/, "");
  $("save").href = urls.pictures[number];
  $("save").download = `${stem}-unmasked${number ? `-${number + 1}` : ""}.${answer.pictures[number]}`;
}

function look(face) {
  const { answer } = shown, [chosen] = press($("faces"), face);
  chosen?.scrollIntoView({ block: "nearest", inline: "nearest" });
  let [scale, x, y] = [1, 0, 0];
  if (face >= 0) {
    const [x0, y0, x1, y1] = answer.faces[face].box, [across, down] = shown.fit;
    const share = Math.max((x1 - x0) / answer.width * across, (y1 - y0) / answer.height * down);
    scale = Math.max(1, CLOSER / share);
    const at = (middle, part) => Math.min(0, Math.max(1 - scale, 0.5 - (0.5 + (middle - 0.5) * part) * scale));
    [x, y] = [at((x0 + x1) / 2 / answer.width, across), at((y0 + y1) / 2 / answer.height, down)];
  }
  const style = $("stage").style;
  style.setProperty("--scale", scale);
  style.setProperty("--x", `${100 * x}%`);
  style.setProperty("--y", `${100 * y}%`);
  mark(answer.faces[face]?.box, scale, x, y);
}

function mark(box, scale, x, y) { // the chosen face, unless there is only one
  $("mark").hidden = !box || shown.answer.faces.length < 2;
  if ($("mark").hidden) return;
  const { answer: { width, height }, fit: [across, down] } = shown;
  const at = (value, part, offset) => `${100 * (offset + (0.5 + (value - 0.5) * part) * scale)}%`;
  Object.assign($("mark").style, {
    left: at(box[0] / width, across, x), top: at(box[1] / height, down, y),
    width: `${100 * (box[2] - box[0]) / width * across * scale}%`, height: `${100 * (box[3] - box[1]) / height * down * scale}%`,
  });
}

function view(name) {
  $("stage").dataset.view = name;
  press($("views"), name);
  const over = name === "map" || name === "doubt";
  $("overLayer").hidden = !over;
  if (over) paint(name);
}

async function paint(name) {
  const { answer } = shown;
  const plane = new Image();
  plane.src = name === "map" ? answer.map : answer.disagreement;
  await plane.decode();
  const canvas = $("over"), shrink = Math.min(1, WIDEST / Math.max(answer.width, answer.height));
  canvas.width = Math.max(1, Math.round(answer.width * shrink));
  canvas.height = Math.max(1, Math.round(answer.height * shrink));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(plane, 0, 0, canvas.width, canvas.height);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height), data = pixels.data;
  const strength = name === "map" ? 0.75 : 6; // makes differences of a few grey levels visible
  for (let i = 0; i < data.length; i += 4) {
    const value = data[i];
    [data[i], data[i + 1], data[i + 2]] = COLOURS[name];
    data[i + 3] = Math.min(225, value * strength);
  }
  pen.putImageData(pixels, 0, 0);
  canvas.setAttribute("aria-label", name === "map" ? "Where the masks are" : "Where the guesses differ");
}

function cut(value) {
  $("slider").value = value;
  $("stage").style.setProperty("--cut", `${value / 10}%`);
  $("slider").setAttribute("aria-valuetext", `${Math.round(value / 10)} percent original`);
  $("stage").querySelector(".tag.left").style.opacity = value < 140 ? 0 : 1;
  $("stage").querySelector(".tag.right").style.opacity = value > 860 ? 0 : 1;
}

function take(files) {
  const file = [...files].find((one) => one.type.startsWith("image/")) || files[0];
  if (file) unmask(file);
}

$("choose").addEventListener("click", () => $("file").click());
$("again").addEventListener("click", () => { show("welcome"); $("choose").focus(); });
$("more").addEventListener("click", () => unmask(shown.file, { samples: limits.max_samples, ...shown.given }));
$("second").addEventListener("click", () => $("secondFile").click());
$("secondFile").addEventListener("change", () => {
  const [reference] = $("secondFile").files;
  if (reference) unmask(shown.file, { map: shown.given.map, reference });
  $("secondFile").value = "";
});
$("anyway").addEventListener("click", () => unmask(refused.file, { ...refused.given, force: true }));
$("edit").addEventListener("click", startEditing);
$("leave").addEventListener("click", () => { edit(false); $("edit").focus(); });
$("use").addEventListener("click", useMap);
$("cancel").addEventListener("click", () => { if (job) job.abort(); });
$("close").addEventListener("click", () => trouble(""));
$("file").addEventListener("change", () => { take($("file").files); $("file").value = ""; });
$("slider").addEventListener("input", () => cut(Number($("slider").value)));
$("slider").addEventListener("keydown", (event) => {
  const now = Number($("slider").value);
  const next = {
    ArrowLeft: now - KEY_STEP, ArrowDown: now - KEY_STEP, ArrowRight: now + KEY_STEP, ArrowUp: now + KEY_STEP,
    PageDown: now - 4 * KEY_STEP, PageUp: now + 4 * KEY_STEP, Home: 0, End: 1000,
  }[event.key];
  if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  cut(Math.min(1000, Math.max(0, next)));
});
$("views").addEventListener("click", (event) => { if (event.target.dataset.view) view(event.target.dataset.view); });
$("example").addEventListener("click", async () => {
  opener = $("example");
  $("example").setAttribute("aria-disabled", "true"); // and not `disabled`, which would drop the focus
  try {
    const answer = await fetch("/api/example");
    if (answer.ok) await unmask(new File([await answer.blob()], "example.jpg", { type: "image/jpeg" }));
    else trouble("The example is not available.");
  } catch { trouble("The server cannot be reached. Is unmask still running?"); }
  $("example").removeAttribute("aria-disabled");
});
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
});
addEventListener("resize", makeRoom);
document.addEventListener("paste", (event) => { if (event.clipboardData.files.length) take(event.clipboardData.files); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") { if (job) job.abort(); trouble(""); } });
let inside = 0;
document.addEventListener("dragenter", (event) => { event.preventDefault(); inside += 1; document.body.classList.add("over"); });
document.addEventListener("dragleave", () => { inside -= 1; if (inside <= 0) { inside = 0; document.body.classList.remove("over"); } });
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => { event.preventDefault(); inside = 0; document.body.classList.remove("over"); take(event.dataTransfer.files); });
fetch("/api/about").then((answer) => answer.json()).then((about) => {
  limits = about;
  $("example").hidden = !about.example;
  $("limits").textContent = `${about.formats}, up to ${about.max_bytes / 1e6} MB and ${Math.round(about.max_pixels / 1e6)} megapixels`;
}).catch(() => trouble("The server cannot be reached. Is unmask still running?"));
