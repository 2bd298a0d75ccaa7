// The one question that the page asks at a time.
import { html } from "../html.js";
import { useLibraryState, useModal } from "./context.js";

export function Dialog() {
  const asked = useLibraryState((state) => state.dialog);
  return asked && html`<${Question} ...${asked} />`;
}

function Question({ title, text, answers, body, answer }) {
  const box = useModal();
  const cancel = (event) => {
    event.preventDefault();
    answer(answers[0].value);
  };
  return html`<dialog class="dialog" ref=${box} aria-labelledby="dialog-title" onCancel=${cancel}>
    <h2 id="dialog-title">${title}</h2>
    ${text && html`<p>${text}</p>`} ${body}
    <div class="answers">
      ${answers.map(
        ({ value, label, kind = "" }) =>
          html`<button class=${`button ${kind}`} onClick=${() => answer(value)}>${label}</button>`,
      )}
    </div>
  </dialog>`;
}
