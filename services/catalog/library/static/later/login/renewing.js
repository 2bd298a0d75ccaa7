// Gets another token before the present one ends, as long as the issuer gives one without asking anybody.
import { session } from "../../api.js";
import { claimsOf, renew } from "./openid.js";

const BEFORE = 60_000;
const SOON = 5_000;

let timer = 0;
let renewing = null;

// Return whether there is another token. Who asks at the same time gets the same.
export function renewed() {
  renewing ??= again().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function again() {
  const before = session.login;
  try {
    const { token, login } = await renew(before);
    if (session.login !== before) return false;
    session.token = token;
    session.login = login;
    keepRenewed();
    return true;
  } catch (error) {
    // The login has ended, or the issuer is away: the page asks when the service refuses the token.
    if (error.key === "login.refused") session.login = "";
    return false;
  }
}

// Begin anew with each token.
export function keepRenewed() {
  clearTimeout(timer);
  if (!session.login || !session.token) return;
  const left = claimsOf(session.token).exp * 1000 - Date.now();
  // A browser counts to 2³¹ milliseconds.
  timer = setTimeout(renewed, Math.min(Math.max(left - BEFORE, left / 2, SOON), 2 ** 31 - 1));
}
