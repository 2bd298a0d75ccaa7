// Speaks with the page that people pick files for: the one window that has this one in a frame, or has opened it, as long
// as its origin is one of LIBRARY_EMBEDDERS. Nothing is sent to another origin, and nothing is heard from one.

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
// An empty one says that there is none.
const TOKEN = /^[\x21-\x7e]{0,8192}$/;
const CHOSEN_MAX = 100;

// What that page may say: how each message has to look.
const HEARD = {
  "tada.hello": ({ chosen = [] }) => Array.isArray(chosen) && chosen.length <= CHOSEN_MAX && chosen.every((one) => matches(UUID, one)),
  "tada.token": ({ token }) => matches(TOKEN, token),
};

const matches = (pattern, text) => typeof text === "string" && pattern.test(text);

// The origins that may have this page, as the service has written them.
function embedders() {
  const said = document.querySelector('meta[name="tada-embedders"]')?.content ?? "";
  return said.split(" ").filter(Boolean).map((one) => (one === "'self'" ? location.origin : one));
}

// The origin of the page that has this one, as the browser says it: "" if it does not.
function origin() {
  if (window.parent !== window && location.ancestorOrigins?.length) return location.ancestorOrigins[0];
  return document.referrer ? new URL(document.referrer).origin : "";
}

export class Bridge {
  #other = window.parent === window ? window.opener : window.parent;
  #allowed = embedders();
  #origin = origin();
  #isReady = false;

  // `heard(message)` is called with each message that may be heard.
  constructor(heard) {
    // Whether that page may not have this one.
    this.isRefused = this.#allowed.length === 0 || (this.#origin !== "" && !this.#allowed.includes(this.#origin));
    if (this.isRefused) return;
    addEventListener("message", ({ source, origin, data }) => {
      if (source !== this.#other || !this.#allowed.includes(origin) || (this.#origin && origin !== this.#origin)) return;
      if (typeof data !== "object" || data === null || !Object.hasOwn(HEARD, data.type) || !HEARD[data.type](data)) return;
      // Some browsers do not say who has this page: then that page says hello first.
      this.#origin = origin;
      this.#beReady();
      heard(data);
    });
  }

  get isPopup() {
    return window.parent === window;
  }

  // Say that messages are heard now.
  begin() {
    if (this.#origin) this.#beReady();
  }

  say(type, said = {}) {
    if (this.#origin && !this.isRefused) this.#other.postMessage({ type, ...said }, this.#origin);
  }

  #beReady() {
    if (this.#isReady) return;
    this.#isReady = true;
    this.say("tada.ready");
  }
}
