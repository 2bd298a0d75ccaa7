// The login at the issuer of the service, beside the field for a token.
import { useEffect, useState } from "preact/hooks";
import { read, ROOT } from "../../api.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { logIn, LoginFailure } from "./openid.js";

const RETURN_TO = new URL("library/signed-in", ROOT).href;
const LOOK_EVERY = 500;
const WINDOW = "popup,width=520,height=680";

export function Login() {
  const library = useLibrary();
  const [issuer, setIssuer] = useState(null);
  const [failure, setFailure] = useState(null);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    read("auth").then(
      ({ data }) => setIssuer(data[0] ?? null),
      () => setIssuer(null),
    );
  }, []);
  if (!issuer) return null;
  const begin = async () => {
    // Browsers open a window only at once after a click.
    const shown = window.open("about:blank", "tada-login", WINDOW);
    setFailure(null);
    if (!shown) return setFailure(new LoginFailure("login.blocked"));
    setBusy(true);
    // Whoever closes the window may begin again. Some issuers make it look closed, so the answer is waited for.
    const timer = setInterval(() => setBusy(!shown.closed), LOOK_EVERY);
    try {
      // Pages without TLS have no digests.
      if (!globalThis.crypto?.subtle) throw new LoginFailure("login.plain");
      const { token, login } = await logIn(shown, issuer, RETURN_TO);
      await library.signIn(token, login);
    } catch (error) {
      if (error.key !== "login.other") setFailure(error instanceof LoginFailure ? error : new LoginFailure("login.strange"));
    } finally {
      clearInterval(timer);
      shown.close();
      setBusy(false);
    }
    return undefined;
  };
  return html`<div class="login">
    <button type="button" class="button primary" disabled=${isBusy} onClick=${begin}>
      ${t(isBusy ? "login.waiting" : "login.begin", { name: new URL(issuer.issuer).host })}
    </button>
    ${failure && html`<p class="refused" role="alert">${t(failure.key)} ${failure.more}</p>`}
    <p class="quiet">${t("login.or")}</p>
  </div>`;
}
