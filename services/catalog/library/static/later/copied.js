// A text that is copied, and the button that copies it. Where the public gets signed addresses alone, those in it are
// signed.
import { useState } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../texts.js";
import { part, useLater, useLibrary } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { copy } from "./copy.js";

const DONE_SECONDS = 2;
const asItIs = (address) => address;

// `write` returns the text, with each address as a function makes it of the public one.
export function Copied({ entry, write, children }) {
  const { about } = useLibrary().state;
  const isSigned = about.signed_urls;
  const signing = useLater(part("signing"), isSigned);
  if (!isSigned) return html`<${Plain} write=${write}>${children}<//>`;
  if (!signing) return null;
  if (signing.maySign(useLibrary(), entry)) {
    return html`<${signing.Signed} entry=${entry} write=${write}>${children}<//>`;
  }
  return html`<${Plain} write=${write}>${children}<//><${signing.Unsigned} hasKey=${about.signs_addresses} />`;
}

function Plain({ write, children }) {
  const text = write(asItIs);
  return html`<${CopyRow} text=${() => text}>${children}<//><${Text} text=${text} />`;
}

// What is chosen, and the button. `text` returns the text, or a promise of it that is refused after it was said why.
export function CopyRow({ text, disabled = false, children }) {
  const library = useLibrary();
  const [isDone, setDone] = useState(false);
  const run = async () => {
    const found = await text();
    if (found === null) return;
    try {
      await copy(found);
      setDone(true);
      setTimeout(() => setDone(false), DONE_SECONDS * 1000);
    } catch {
      library.say(t("copy.failed"), { kind: "error" });
    }
  };
  return html`
    <div class="with-button">
      ${children}
      <button class="button primary" disabled=${disabled} onClick=${run}>
        <${Icon} name=${isDone ? "check" : "copy"} />${t(isDone ? "copied" : "copy")}
      </button>
      <span class="hidden" role="status">${isDone && t("copied")}</span>
    </div>
  `;
}

export function Text({ text }) {
  return html`<textarea class="code" readonly rows=${text.includes("\n") ? 5 : 2} aria-label=${t("copy.text")} value=${text} />`;
}
