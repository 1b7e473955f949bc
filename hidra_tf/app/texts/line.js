// Plain text: Gradio's templates would run what a name in it holds.
const said = element.querySelector("p");
function say() {
  said.textContent = props.value ?? "";
  said.hidden = !props.value;
}
watch("value", say);
say();
