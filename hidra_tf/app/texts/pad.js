// The pad keeps the ways of the pen, in shares of its width and height, and sends all of them
// while the pen moves. The value is their JSON; the page empties the pad by an empty value.
const canvas = element.querySelector("canvas");
const ghost = element.querySelector(".ghost");
const ink = canvas.getContext("2d");
const PEN = 0.04;
let strokes = [];
let drawing = null;

function paint() {
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, canvas.width, canvas.height);
  ink.lineWidth = PEN * canvas.width;
  ink.lineCap = ink.lineJoin = "round";
  ink.strokeStyle = "#16181d";
  for (const stroke of strokes) {
    ink.beginPath();
    ink.moveTo(stroke[0] * canvas.width, stroke[1] * canvas.height);
    for (let i = 0; i < stroke.length; i += 2) {
      ink.lineTo(stroke[i] * canvas.width, stroke[i + 1] * canvas.height);
    }
    ink.stroke();
  }
  ghost.hidden = strokes.length > 0;
}

function send() {
  props.value = strokes.length ? JSON.stringify(strokes) : "";
  trigger("input");
}

function put(event) {
  const box = canvas.getBoundingClientRect();
  for (const share of [
    (event.clientX - box.left) / box.width,
    (event.clientY - box.top) / box.height,
  ]) {
    drawing.push(Math.round(1e4 * Math.min(1, Math.max(0, share))) / 1e4);
  }
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  drawing = [];
  strokes.push(drawing);
  put(event);
  paint();
  send();
});
canvas.addEventListener("pointermove", (event) => {
  if (!drawing) return;
  for (const one of event.getCoalescedEvents?.() ?? [event]) put(one);
  paint();
  send();
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, () => {
    if (drawing) send();
    drawing = null;
  });
}
element.addEventListener("click", (event) => {
  const act = event.target.dataset.act;
  if (!act) return;
  strokes = act === "undo" ? strokes.slice(0, -1) : [];
  paint();
  send();
});
watch("value", () => {
  if (!props.value && strokes.length && !drawing) {
    strokes = [];
    paint();
  }
});
paint();
