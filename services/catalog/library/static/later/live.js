// Follows what others do, as long as somebody looks at the page: a hidden page would only take a connection.
import { authorization, read, ROOT } from "../api.js";

const AGAIN_AFTER = 2000;
const AGAIN_AFTER_MAX = 60000;
// Several changes are looked at together, and not more often than this.
const SETTLED = 400;
const PAUSE = 3000;
const READ_MAX = 20;

// Show in a library what others do.
export function listen(library) {
  const heard = new Map();
  let timer = 0;
  let looked = -PAUSE;
  const hear = (uuid, kind, id) => {
    heard.set(uuid, { kind, id });
    timer ||= setTimeout(look, Math.max(SETTLED, looked + PAUSE - performance.now()));
  };
  const look = () => {
    timer = 0;
    looked = performance.now();
    const all = [...heard];
    heard.clear();
    return apply(library, all);
  };
  follow({ heard: ({ uuid, kind, id }) => hear(uuid ?? "", kind, id), missed: () => hear("", "catalog.replaced") });
}

// Take changes into what is shown. Where new files would move what the reader looks at, they are only announced.
async function apply(library, changes) {
  const { listing } = library.state;
  if (!listing) return;
  for (const [uuid, { id }] of [...changes, ["any", {}]]) library.changes.dispatchEvent(new CustomEvent(uuid, { detail: id }));
  const shown = changes.filter(([uuid]) => listing.indexOf(uuid) >= 0);
  const changed = shown.filter(([, { kind }]) => kind !== "asset.deleted").slice(0, READ_MAX);
  for (const [uuid, { kind }] of shown) if (kind === "asset.deleted") library.noteGone(uuid);
  await Promise.all(changed.map(([uuid]) => readAgain(library, uuid)));
  if (shown.length === changes.length) return;
  if (library.isAtTop) await library.refresh();
  else library.store.set({ hasNews: true });
}

async function readAgain(library, uuid) {
  try {
    const { data } = await read(`catalog/${encodeURIComponent(uuid)}`);
    library.noteEntry(data[0]);
  } catch (error) {
    if (error.status === 404) library.noteGone(uuid);
  }
}

// Return the messages of a text of server-sent events, and what is left of it: [{event, id, data}].
export function messagesOf(text) {
  const parts = text.split("\n\n");
  const rest = parts.pop();
  const found = parts.map((part) => {
    const message = { event: "message", id: "", data: "" };
    for (const line of part.split("\n")) {
      const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
      if (name in message) message[name] = value;
    }
    return message;
  });
  return { found, rest };
}

// Call `heard(event)` for each event, and `missed()` if some may be missing. Never returns.
async function follow({ heard, missed }) {
  let last = "";
  let wait = AGAIN_AFTER;
  for (;;) {
    await seen();
    const stop = new AbortController();
    const leave = () => document.hidden && stop.abort();
    document.addEventListener("visibilitychange", leave);
    try {
      const address = new URL("events", ROOT);
      if (last) address.searchParams.set("after", last);
      const headers = { ...authorization(), Accept: "text/event-stream" };
      const answer = await fetch(address, { headers, signal: stop.signal, cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      wait = AGAIN_AFTER;
      for await (const { event, id, data } of messages(answer.body)) {
        if (event === "change") heard(JSON.parse(data));
        else if (event === "reset" && last) missed();
        if (id) last = id;
      }
    } catch {
      // The service ends streams now and then, the network fails, or the page is hidden: the next stream goes on there.
      wait = Math.min(AGAIN_AFTER_MAX, wait * 2);
    } finally {
      document.removeEventListener("visibilitychange", leave);
    }
    await new Promise((resolve) => setTimeout(resolve, document.hidden ? 0 : wait));
  }
}

async function* messages(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const { found, rest } = messagesOf(text + value);
    text = rest;
    yield* found;
  }
}

function seen() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}
