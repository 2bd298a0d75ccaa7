// Sending files: in one form, or in pieces that go on where they broke off (tus 1.0).
import { authorization, Failure, failureOf, hasAnother, read, ROOT, session } from "../api.js";

// From this size on, going on is worth more requests.
const PIECES_FROM = 1_000_000;
const VERSION = { "Tus-Resumable": "1.0.0" };
const GONE = [403, 404, 410];
// The upload has ended: the next try is a new one.
const ENDED = [400, 403, 404, 410, 413];
// The request before is still at work, or has brought more than is known here.
const BUSY = [409, 423];
const TRIES = 4;
const PAUSE = 1000;

// Send a body and return its answer. `told(bytes)` is called with how much of it is sent.
export function send(method, address, body, { headers = {}, signal, told = () => {}, tokens = 2 }) {
  return new Promise((resolve, reject) => {
    const sender = new XMLHttpRequest();
    const { token } = session;
    sender.open(method, new URL(address, ROOT));
    for (const [name, value] of Object.entries({ ...authorization(), ...headers })) sender.setRequestHeader(name, value);
    sender.upload.onprogress = (event) => told(event.loaded);
    sender.onload = async () => {
      if (sender.status === 401 && (await hasAnother(token)) && tokens > 1) {
        return resolve(send(method, address, body, { headers, signal, told, tokens: tokens - 1 }));
      }
      if (sender.status < 200 || sender.status > 299) return reject(failureOf(sender.status, sender.responseText));
      try {
        const text = sender.responseText;
        resolve({ ...(text ? JSON.parse(text) : {}), header: (name) => sender.getResponseHeader(name) });
      } catch {
        reject(new Failure(500));
      }
    };
    sender.onerror = () => reject(new Failure(0, { code: "network" }));
    sender.onabort = () => reject(new DOMException("", "AbortError"));
    signal?.addEventListener("abort", () => sender.abort());
    sender.send(body);
  });
}

export function sendForm(method, address, fields, options) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return send(method, address, form, options);
}

// Store the file of an item of the tray; return the entry. What the item has as `address` is an upload that was begun.
export async function store(item, { signal, told }) {
  const { file, namespace, destination, conflict } = item;
  const query = `on_conflict=${conflict}`;
  if (file.size >= PIECES_FROM && !item.isWhole) {
    try {
      return await sendPieces(item, query, { signal, told });
    } catch (error) {
      // Some storages have no place for pieces.
      if (error.status !== 501) throw error;
      item.isWhole = true;
    }
  }
  const sent = (bytes) => told(Math.min(1, bytes / file.size));
  const answer = await sendForm("POST", `file?${query}`, { namespace, destination, file }, { signal, told: sent });
  return answer.data[0];
}

async function sendPieces(item, query, options) {
  for (let tries = 1; ; tries++) {
    try {
      return await sendRest(item, query, options);
    } catch (error) {
      if (ENDED.includes(error.status)) item.address = "";
      if (!BUSY.includes(error.status) || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      options.signal.throwIfAborted();
    }
  }
}

async function sendRest(item, query, { signal, told }) {
  const { file } = item;
  let offset = 0;
  if (item.address) {
    const state = await at(item.address, signal);
    if (state?.entry) return state.entry;
    if (state) offset = state.offset;
    else item.address = "";
  }
  item.address ||= await begin(item, query, signal);
  while (true) {
    const from = offset;
    const answer = await send("PATCH", item.address, file.slice(from), {
      headers: {
        ...VERSION,
        "Upload-Offset": String(from),
        "Content-Type": "application/offset+octet-stream",
        Prefer: "return=representation",
      },
      signal,
      told: (bytes) => told(Math.min(1, (from + bytes) / file.size)),
    });
    if (answer.data) return answer.data[0];
    const uuid = answer.header("Upload-Entry");
    if (uuid) return (await read(`catalog/${uuid}`)).data[0];
    offset = Number(answer.header("Upload-Offset"));
    if (!(offset > from)) throw new Failure(500);
  }
}

async function begin({ file, namespace, destination }, query, signal) {
  const metadata = { filename: file.name, filetype: file.type, namespace, destination };
  const pairs = Object.entries(metadata).filter(([, value]) => value);
  const headers = {
    ...VERSION,
    "Upload-Length": String(file.size),
    "Upload-Metadata": pairs.map(([name, value]) => `${name} ${inBase64(value)}`).join(","),
  };
  const place = new URL(`tus?${query}`, ROOT);
  const answer = await send("POST", place, null, { headers, signal });
  return new URL(answer.header("Location"), place).href;
}

// Return how much of an upload has arrived, or its entry; null if there is no such upload any more.
async function at(address, signal) {
  try {
    const answer = await send("HEAD", address, null, { headers: VERSION, signal });
    const uuid = answer.header("Upload-Entry");
    if (uuid) return { entry: (await read(`catalog/${uuid}`)).data[0] };
    return { offset: Number(answer.header("Upload-Offset")) };
  } catch (error) {
    if (GONE.includes(error.status)) return null;
    throw error;
  }
}

// Give up an upload that was begun. If that fails, the service ends it after a day.
export function abandon(item) {
  if (item.address) send("DELETE", item.address, null, { headers: VERSION }).catch(() => {});
}

const inBase64 = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
