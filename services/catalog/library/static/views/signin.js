// Asks for a token.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../texts.js";
import { part, useLater, useLibrary, useLibraryState, useModal } from "./context.js";

export function SignIn({ isAgain = false }) {
  const library = useLibrary();
  const isRefused = useLibraryState((state) => state.refused);
  const [token, setToken] = useState("");
  const field = useRef();
  const login = useLater(part("login"));
  useEffect(() => {
    field.current.focus();
  }, []);
  const send = (event) => {
    event.preventDefault();
    if (token.trim()) library.signIn(token);
  };
  const form = html`<form class="signin" onSubmit=${send}>
    <h1>${t(isAgain ? "signin.again" : "signin.title")}</h1>
    <p class="quiet">${t(isAgain ? "signin.kept" : "signin.text")}</p>
    ${isRefused && html`<p class="refused" role="alert">${t(isAgain ? "signin.expired" : "signin.refused")}</p>`}
    ${login && html`<${login.Login} />`}
    <label>
      ${t("signin.token")}
      <input
        ref=${field}
        type="password"
        autocomplete="current-password"
        value=${token}
        onInput=${(event) => setToken(event.target.value)}
      />
    </label>
    <button class="button primary" disabled=${!token.trim()}>${t("signin.send")}</button>
  </form>`;
  return isAgain ? html`<${Again}>${form}<//>` : html`<main class="alone">${form}</main>`;
}

function Again({ children }) {
  return html`<dialog class="dialog" ref=${useModal()} onCancel=${(event) => event.preventDefault()}>${children}</dialog>`;
}
