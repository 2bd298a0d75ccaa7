// The code flow of OpenID Connect with PKCE, as a public client: no secret, one try for each login.

const DISCOVERY = "/.well-known/openid-configuration";

// What went wrong with a login, as a key of the texts.
export class LoginFailure extends Error {
  constructor(key, more = "") {
    super(key);
    Object.assign(this, { key, more });
  }
}

const inBase64Url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const random = () => inBase64Url(crypto.getRandomValues(new Uint8Array(32)));

async function digest(text) {
  return inBase64Url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

// Read what a token says. The service checks its signature.
export function claimsOf(token) {
  const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function json(address, options) {
  let answer;
  try {
    answer = await fetch(address, { ...options, credentials: "omit", cache: "no-store" });
  } catch {
    throw new LoginFailure("login.away");
  }
  let said = {};
  try {
    said = await answer.json();
  } catch {
    // The status says enough.
  }
  if (!answer.ok) throw new LoginFailure("login.refused", said.error_description ?? said.error ?? String(answer.status));
  return said;
}

// Return where an issuer logs people in, and where it gives tokens.
async function discovered(issuer) {
  const found = await json(issuer.replace(/\/+$/, "") + DISCOVERY);
  const places = [found.authorization_endpoint, found.token_endpoint];
  const isSafe = (place) => typeof place === "string" && new URL(place).protocol === new URL(issuer).protocol;
  if (found.issuer !== issuer || !places.every(isSafe)) throw new LoginFailure("login.strange");
  return found;
}

async function tokens(endpoint, form) {
  const said = await json(endpoint, { method: "POST", body: new URLSearchParams(form) });
  if (typeof said.id_token !== "string") throw new LoginFailure("login.strange");
  return said;
}

// What is kept for another token: nothing if the issuer gives none without asking.
function kept(endpoint, clientId, { refresh_token: refresh }) {
  return refresh ? JSON.stringify({ endpoint, client_id: clientId, refresh_token: refresh }) : "";
}

let current = null;

// Let somebody log in, in a window that is open already; return the token, and what is kept for another one.
export async function logIn(shown, { issuer, client_id: clientId, scopes }, returnTo) {
  current?.end();
  const heard = (current = answerOf());
  try {
    const [state, nonce, verifier] = [random(), random(), random()];
    const place = await discovered(issuer);
    const address = new URL(place.authorization_endpoint);
    const asked = {
      response_type: "code",
      client_id: clientId,
      redirect_uri: returnTo,
      scope: scopes,
      state,
      nonce,
      code_challenge: await digest(verifier),
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
    shown.location.replace(address);
    const said = await heard.from(state);
    if (said.iss !== undefined && said.iss !== issuer) throw new LoginFailure("login.strange");
    if (said.error) throw new LoginFailure("login.refused", said.error_description ?? said.error);
    const given = await tokens(place.token_endpoint, {
      grant_type: "authorization_code",
      code: said.code ?? "",
      redirect_uri: returnTo,
      client_id: clientId,
      code_verifier: verifier,
    });
    if (claimsOf(given.id_token).nonce !== nonce) throw new LoginFailure("login.strange");
    return { token: given.id_token, login: kept(place.token_endpoint, clientId, given) };
  } finally {
    heard.end();
  }
}

// Get another token without asking anybody.
export async function renew(login) {
  const { endpoint, client_id: clientId, refresh_token: refresh } = JSON.parse(login);
  const given = await tokens(endpoint, { grant_type: "refresh_token", refresh_token: refresh, client_id: clientId });
  return { token: given.id_token, login: kept(endpoint, clientId, { refresh_token: refresh, ...given }) };
}

// Hear what the window says in the end, until it is the end of another login. What has another state is the answer to another question, or was made up.
function answerOf() {
  const channel = new BroadcastChannel("tada.login");
  let resolve;
  let reject;
  let state = "";
  const answer = new Promise((...both) => ([resolve, reject] = both));
  const take = (data) => {
    if (data?.type === "tada.signed-in" && state && data.said?.state === state) resolve(data.said);
  };
  const hear = ({ origin, data }) => origin === location.origin && take(data);
  addEventListener("message", hear);
  channel.onmessage = ({ data }) => take(data);
  return {
    from(expected) {
      state = expected;
      return answer;
    },
    end() {
      removeEventListener("message", hear);
      channel.close();
      answer.catch(() => {});
      reject(new LoginFailure("login.other"));
    },
  };
}
