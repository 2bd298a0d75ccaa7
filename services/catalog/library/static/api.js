// Requests to the public API, as any client makes them.

import { keep, recall } from "./kept.js";

// Below any prefix: the page is beside the API.
export const ROOT = new URL(".", document.baseURI).href;
const TOKEN = "tada.token";
const LOGIN = "tada.login";
const TRIES_AFTER = 2000;

// An answer that says that something went wrong, or that there was none (status 0, code "network").
export class Failure extends Error {
  constructor(status, problem = {}) {
    super(problem.message ?? "");
    Object.assign(this, { status, code: problem.code ?? "", hint: problem.hint ?? "", problem });
  }
}

// `handed` is a token of the page that people pick files for: it is kept nowhere.
export const session = {
  handed: "",
  get token() {
    return this.handed || (recall("sessionStorage", TOKEN) ?? "");
  },
  set token(value) {
    this.handed = "";
    keep("sessionStorage", TOKEN, value);
  },
  // What is needed for another token, if people have logged in.
  get login() {
    return recall("sessionStorage", LOGIN) ?? "";
  },
  set login(value) {
    keep("sessionStorage", LOGIN, value);
  },
};

export function authorization() {
  return session.token ? { Authorization: `Bearer ${session.token}` } : {};
}

// What a refused token means for the page; set by the page itself. It returns whether there is another token now.
export const refusals = { told: async () => false };

let telling = null;

// Return whether a request that was refused with a token can be sent again, with another one. Of many requests that are
// refused with one token, the first tells the page, and all get the same answer.
export async function hasAnother(token) {
  if (session.token !== "" && session.token !== token) return true;
  if (!telling && session.token !== token) return false;
  telling ??= refusals.told().finally(() => {
    telling = null;
  });
  return telling;
}

// Make a Failure of an answer of any shape: the gateway and proxies may answer too.
export function failureOf(status, text) {
  let said = null;
  try {
    said = JSON.parse(text);
  } catch {
    // Not JSON: the status says enough.
  }
  const problem = said?.problems?.[0] ?? (said?.error ? { message: said.details ?? said.error } : {});
  return Object.assign(new Failure(status, problem), { problems: said?.problems ?? [] });
}

// Send a request and return its JSON, with some of its headers: `purge`, `change`, `etag` and `next` (the cursor of the next page).
// Raises Failure, or AbortError. `tokens` is with how many tokens it is sent.
export async function request(method, path, { query, json, signal, headers = {}, tokens = 3 } = {}) {
  const address = new URL(path, ROOT);
  if (query) address.search = query.toString();
  const body = json === undefined ? undefined : JSON.stringify(json);
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const { token } = session;
  let answer;
  let text;
  try {
    answer = await fetch(address, { method, body, signal, headers: { ...authorization(), ...type, ...headers }, cache: "no-store" });
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, { code: "network" });
  }
  if (answer.status === 304) return { unchanged: true, etag: answer.headers.get("etag") };
  if (answer.status === 401 && (await hasAnother(token)) && tokens > 1) {
    return request(method, path, { query, json, signal, headers, tokens: tokens - 1 });
  }
  if (!answer.ok) throw failureOf(answer.status, text);
  try {
    const { headers: said } = answer;
    const next = said.get("x-next-cursor");
    return { ...JSON.parse(text), purge: said.get("x-purge"), change: said.get("x-change"), etag: said.get("etag"), next };
  } catch {
    throw new Failure(500);
  }
}

// Read, and try again a few times while the service says that it will be there in a moment.
export async function read(path, options = {}, tries = 3) {
  try {
    return await request("GET", path, options);
  } catch (error) {
    if (!(error instanceof Failure) || error.status !== 503 || tries <= 1) throw error;
    await new Promise((resolve) => setTimeout(resolve, TRIES_AFTER));
    if (options.signal?.aborted) throw new DOMException("", "AbortError");
    return read(path, options, tries - 1);
  }
}
