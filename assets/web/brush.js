"use strict";

// Editor of the map: paints and erases on a canvas over the photo. A map is a list of operations on top of the map
// that the server found, so that each of them can be undone: strokes, and "clear" and "found" for the whole map.
const PAINTED = [0, 168, 150], LARGEST = 2048; // colour of the map; longest side of the canvas in pixels
const SIZES = { least: 4, most: 160, step: 1.25 }; // diameter of the brush on the screen, in pixels
const brush = { done: [], undone: [], stroke: null, erase: false, found: null, some: false, at: null, held: false };

function openBrush(answer) {
  Object.assign(brush, { done: [], undone: [], stroke: null, held: false, at: null, found: null, some: false });
  const canvas = $("paint"), shrink = Math.min(1, LARGEST / Math.max(answer.width, answer.height));
  canvas.width = Math.max(1, Math.round(answer.width * shrink));
  canvas.height = Math.max(1, Math.round(answer.height * shrink));
  useTool(false);
  const opened = loadFound(answer.map).then((found) => { brush.found = found; redraw(); });
  redraw();
  return opened;
}

async function loadFound(address) {
  const plane = new Image();
  plane.src = address;
  await plane.decode();
  const found = document.createElement("canvas");
  found.width = $("paint").width;
  found.height = $("paint").height;
  const pen = found.getContext("2d", { willReadFrequently: true });
  pen.drawImage(plane, 0, 0, found.width, found.height);
  const pixels = pen.getImageData(0, 0, found.width, found.height), data = pixels.data;
  for (let i = 0; i < data.length; i += 4) {
    data[i + 3] = data[i] > 127 ? 255 : 0; // the seam around a mask is darker
    brush.some ||= data[i + 3] > 0;
    [data[i], data[i + 1], data[i + 2]] = PAINTED;
  }
  pen.putImageData(pixels, 0, 0);
  return found;
}

function redraw() {
  const pen = $("paint").getContext("2d", { willReadFrequently: true });
  let from = 0;
  brush.done.forEach((one, i) => { if (!one.points) from = i; }); // "clear" and "found" replace what was before
  const whole = brush.done[from];
  pen.clearRect(0, 0, pen.canvas.width, pen.canvas.height);
  if (brush.found && !(whole && whole.kind === "clear")) pen.drawImage(brush.found, 0, 0);
  for (const one of brush.done.slice(from)) if (one.points) draw(pen, one, 0);
  enable($("undo"), brush.done.length > 0);
  enable($("redo"), brush.undone.length > 0);
  enable($("found"), brush.some);
}

function enable(button, usable) { // a disabled button would drop the focus, and with it the place of the keyboard
  if (!usable && document.activeElement === button) $("paint").focus({ preventScroll: true });
  button.disabled = !usable;
}

function draw(pen, stroke, from) {
  pen.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
  pen.strokeStyle = `rgb(${PAINTED})`;
  pen.lineWidth = stroke.width;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(...stroke.points[Math.max(0, from - 1)]);
  for (const point of stroke.points.slice(from)) pen.lineTo(...point);
  pen.stroke();
  pen.globalCompositeOperation = "source-over";
}

function place(event) { // on the canvas, of a pointer
  const canvas = $("paint"), box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * canvas.width, (event.clientY - box.top) / box.height * canvas.height];
}

function pixelsPerScreenPixel() {
  const box = $("paint").getBoundingClientRect();
  return box.width ? $("paint").width / box.width : 1;
}

function begin(point, erase) {
  brush.stroke = { points: [point], erase, width: Number($("size").value) * pixelsPerScreenPixel() };
  draw($("paint").getContext("2d"), brush.stroke, 0);
}

function extend(points) {
  if (!brush.stroke || !points.length) return;
  const from = brush.stroke.points.length;
  brush.stroke.points.push(...points);
  draw($("paint").getContext("2d"), brush.stroke, from);
}

function finish() {
  if (!brush.stroke) return;
  apply(brush.stroke);
  brush.stroke = null;
}

function apply(operation) {
  brush.done.push(operation);
  brush.undone = [];
  redraw();
}

function undo() {
  if (brush.stroke || !brush.done.length) return;
  brush.undone.push(brush.done.pop());
  redraw();
  say("Undone");
}

function redo() {
  if (brush.stroke || !brush.undone.length) return;
  brush.done.push(brush.undone.pop());
  redraw();
  say("Done again");
}

function useTool(erase) {
  brush.erase = erase;
  press($("tools"), erase ? "erase" : "paint");
}

function resize(factor) {
  $("size").value = Math.min(SIZES.most, Math.max(SIZES.least, Math.round($("size").value * factor)));
  showRing();
}

function showRing() { // the brush's outline, where the pointer or the keyboard's cursor is
  const ring = $("ring"), size = Number($("size").value);
  ring.hidden = !brush.at;
  if (!brush.at) return;
  const canvas = $("paint"), box = canvas.getBoundingClientRect(), stage = $("stage").getBoundingClientRect();
  ring.style.width = ring.style.height = `${size}px`;
  ring.style.left = `${box.left - stage.left + brush.at[0] / canvas.width * box.width - size / 2}px`;
  ring.style.top = `${box.top - stage.top + brush.at[1] / canvas.height * box.height - size / 2}px`;
}

function move(dx, dy, event) { // by the keyboard: half a brush, or with Shift one pixel
  const canvas = $("paint"), step = pixelsPerScreenPixel() * (event.shiftKey ? 1 : Math.max(2, $("size").value / 2));
  const [x, y] = brush.at || [canvas.width / 2, canvas.height / 2];
  brush.at = [Math.min(canvas.width, Math.max(0, x + dx * step)), Math.min(canvas.height, Math.max(0, y + dy * step))];
  extend([brush.at]);
  showRing();
}

function key(event) {
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (arrows[event.key]) move(...arrows[event.key], event);
  else if (event.key === " ") {
    brush.at ||= [$("paint").width / 2, $("paint").height / 2];
    if (!event.repeat && !brush.stroke) { brush.held = true; begin(brush.at, brush.erase); say(brush.erase ? "Erasing" : "Painting"); }
    showRing();
  } else if (event.key === "e" || event.key === "E") { useTool(!brush.erase); say(brush.erase ? "Eraser" : "Brush"); }
  else if (event.key === "[") resize(1 / SIZES.step);
  else if (event.key === "]") resize(SIZES.step);
  else return;
  event.preventDefault();
}

function mapBlob() { // white where masks are; null if the map is empty
  const { width, height } = $("paint"), made = document.createElement("canvas");
  made.width = width;
  made.height = height;
  const pixels = $("paint").getContext("2d").getImageData(0, 0, width, height), data = pixels.data;
  let some = false;
  for (let i = 0; i < data.length; i += 4) {
    const inside = data[i + 3] > 127;
    some ||= inside;
    data[i] = data[i + 1] = data[i + 2] = inside ? 255 : 0;
    data[i + 3] = 255;
  }
  made.getContext("2d").putImageData(pixels, 0, 0);
  return some ? new Promise((give) => made.toBlob(give, "image/png")) : null;
}

const ERASER = 32; // the bit of `buttons` for the other end of a pen
$("paint").addEventListener("pointerdown", (event) => {
  const eraser = event.pointerType === "pen" && event.buttons & ERASER;
  if (!event.isPrimary || brush.stroke || (event.button !== 0 && !eraser)) return;
  event.preventDefault();
  $("paint").focus({ preventScroll: true });
  $("paint").setPointerCapture(event.pointerId);
  brush.at = place(event);
  begin(brush.at, brush.erase || Boolean(eraser));
  showRing();
});
$("paint").addEventListener("pointermove", (event) => {
  if (!event.isPrimary || brush.held) return;
  brush.at = place(event);
  if (event.buttons) extend((event.getCoalescedEvents?.() || []).map(place).concat([brush.at]));
  showRing();
});
for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  $("paint").addEventListener(end, () => { if (!brush.held) finish(); });
}
$("paint").addEventListener("pointerleave", () => { if (!brush.stroke) { brush.at = null; showRing(); } });
$("paint").addEventListener("keydown", key);
$("paint").addEventListener("keyup", (event) => { if (event.key === " " && brush.held) { brush.held = false; finish(); event.preventDefault(); } });
$("paint").addEventListener("blur", () => { if (brush.held) { brush.held = false; finish(); } brush.at = null; showRing(); });
$("paint").addEventListener("contextmenu", (event) => event.preventDefault());
$("tools").addEventListener("click", (event) => { if (event.target.dataset.view) useTool(event.target.dataset.view === "erase"); });
$("size").addEventListener("input", showRing);
$("undo").addEventListener("click", undo);
$("redo").addEventListener("click", redo);
$("clear").addEventListener("click", () => { apply({ kind: "clear" }); say("The map is empty"); });
$("found").addEventListener("click", () => { apply({ kind: "found" }); say("The map that was found"); });
document.addEventListener("keydown", (event) => {
  if ($("editor").hidden || $("done").hidden || !(event.ctrlKey || event.metaKey) || event.altKey) return;
  const letter = event.key.toLowerCase();
  if (letter === "z") (event.shiftKey ? redo : undo)();
  else if (letter === "y") redo();
  else return;
  event.preventDefault();
});
