// Draws the classes when they change, and moves their bars when an answer comes. A name is set as
// text: Gradio's templates would run what a name holds. A press on a button becomes an event with
// the class, and with the picture's place.
const board = element.querySelector(".board");
const template = board.querySelector("template");

function picture({ place, source }, name) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "one";
  button.dataset.act = "forget_picture";
  button.dataset.place = place;
  button.title = "Remove this picture";
  button.setAttribute("aria-label", `Remove picture ${place + 1} of ${name}`);
  const image = button.appendChild(document.createElement("img"));
  image.alt = "";
  image.src = source;
  return button;
}

function section({ name, counted, pictures }) {
  const made = template.content.firstElementChild.cloneNode(true);
  made.dataset.name = name;
  made.querySelector("h3").textContent = made.querySelector("h3").title = name;
  made.querySelector(".counted").textContent = counted;
  made.querySelector(".add").setAttribute("aria-label", `Add to ${name}`);
  made.querySelector(".drop").setAttribute("aria-label", `Remove ${name}`);
  made.querySelector(".pictures").append(...pictures.map((one) => picture(one, name)));
  return made;
}

function draw() {
  for (const old of board.querySelectorAll("section")) old.remove();
  board.append(...props.value.classes.map(section));
  board.querySelector(".none").hidden = props.value.classes.length > 0;
  answer();
}

function answer() {
  const { shares = {}, best = null, unknown = false } = props.answer ?? {};
  for (const one of board.querySelectorAll("section")) {
    const share = Object.hasOwn(shares, one.dataset.name) ? shares[one.dataset.name] : null;
    one.querySelector(".bar i").style.width = `${100 * share}%`;
    one.querySelector(".share").value = share === null ? "" : `${(100 * share).toFixed(1)} %`;
    one.classList.toggle("best", one.dataset.name === best && !unknown);
  }
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  const name = button.closest("section").dataset.name;
  const data = { name, place: Number(button.dataset.place ?? 0) };
  if (button.dataset.act === "teach") trigger("teach", data);
  if (button.dataset.act === "forget") trigger("forget", data);
  if (button.dataset.act === "forget_picture") trigger("forget_picture", data);
});
watch("value", draw);
watch("answer", answer);
draw();
