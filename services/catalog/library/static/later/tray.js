// The tray: files on their way, and what has become of them.
import { useEffect, useReducer, useState } from "preact/hooks";
import { html } from "../html.js";
import { bytes, explained, straight, t } from "../texts.js";
import { useLibrary } from "../views/context.js";
import { Icon } from "../views/icons.js";
import { OVER, STUCK, Uploads } from "./uploads.js";

const SHOWN = 100;
// What is stored is there at once; facts about a picture come a moment later.
const REFRESH_AFTER = [600, 4000];
const ORDER = ["taken", "duplicate", "failed", "sending", "checking", "paused", "waiting", "left", "done"];
const RULES = { taken: ["ask", "leave", "replace", "rename"], duplicate: ["ask", "leave", "keep"] };

let uploads = null;

// Take files: [{file, folder}]. They go where the view is; if that is not clear, somebody is asked.
export async function accept(library, files) {
  uploads ??= make(library);
  const [, first = "", ...rest] = library.view.folder.split("/");
  const possible = library.writable;
  let namespace = possible.includes(first) ? first : possible.length === 1 ? possible[0] : "";
  if (first && namespace !== first) {
    library.say(t("upload.forbidden", { name: first }), { kind: "error" });
    return;
  }
  if (!namespace) {
    namespace = await library.ask({
      title: t("upload.where"),
      text: t("upload.where.text", { count: files.length }),
      answers: [{ value: "", label: t("cancel") }, ...possible.map((name) => ({ value: name, label: name }))],
    });
    if (!namespace) return;
  }
  uploads.add(files, namespace, rest.join("/"));
}

function make(library) {
  let timers = [];
  const made = new Uploads(library.state.about, ({ uuid }) => {
    library.picker?.mark(uuid);
    timers.forEach(clearTimeout);
    timers = REFRESH_AFTER.map((wait) => setTimeout(() => library.refresh(), wait));
  });
  addEventListener("beforeunload", (event) => {
    if (made.isBusy) event.preventDefault();
  });
  // What was refused for its token goes on with another one.
  let { phase } = library.state;
  library.store.subscribe(() => {
    const before = phase;
    ({ phase } = library.state);
    if (before !== "ready" && phase === "ready") made.retry((item) => item.failure?.status === 401);
  });
  return made;
}

export function Tray() {
  const library = useLibrary();
  const [, again] = useReducer((count) => count + 1, 0);
  const [isSmall, setSmall] = useState(false);
  uploads ??= make(library);
  useEffect(() => uploads.subscribe(again), []);
  const { items } = uploads;
  if (items.length === 0) return null;
  const count = (...states) => items.filter((item) => states.includes(item.state)).length;
  const over = count(...OVER);
  const stuck = count(...STUCK);
  const title = over === items.length ? t("tray.done", { count: over }) : t("tray.going", { done: over, count: items.length });
  const sorted = [...items].sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state));
  const share = items.reduce((sum, item) => sum + (OVER.includes(item.state) ? 1 : item.sent), 0) / items.length;
  return html`<section class=${`tray ${isSmall ? "small" : ""}`} aria-label=${t("tray")}>
    <header>
      <h2><span role="status">${title}${stuck > 0 && html` <em>${t("tray.stuck", { count: stuck })}</em>`}</span></h2>
      <button
        class="button plain"
        aria-label=${t(isSmall ? "tray.larger" : "tray.smaller")}
        aria-expanded=${!isSmall}
        onClick=${() => setSmall(!isSmall)}
      ><${Icon} name=${isSmall ? "right" : "down"} /></button>
      <button class="button plain" aria-label=${t("tray.clear")} title=${t("tray.clear")} onClick=${() => uploads.clear()}>
        <${Icon} name="close" />
      </button>
    </header>
    <progress max="1" value=${share} aria-label=${title} />
    ${!isSmall &&
    html`
      <div class="rules">
        ${Object.entries(RULES).map(
          ([name, values]) => html`<label>
            <span>${t(`rule.${name}`)}</span>
            <select onChange=${(event) => uploads.setRule(name, event.target.value)}>
              ${values.filter((value) => value !== "replace" || library.may("write")).map(
                (value) =>
                  html`<option value=${value} selected=${uploads.rules[name] === value}>${t(`rule.${value}`)}</option>`,
              )}
            </select>
          </label>`,
        )}
        ${count("failed") > 1 && html`<button class="button" onClick=${() => uploads.retry()}>${t("retry.all")}</button>`}
      </div>
      <ul>
        ${sorted.slice(0, SHOWN).map((item) => html`<${Item} key=${item.id} item=${item} library=${library} />`)}
      </ul>
      ${sorted.length > SHOWN && html`<p class="quiet pad">${t("tray.more", { count: sorted.length - SHOWN })}</p>`}
    `}
  </section>`;
}

function Item({ item, library }) {
  const { file, state } = item;
  const act = (name, icon, run) => html`<button
    class="button plain"
    aria-label=${t(name, { name: file.name })}
    title=${t(name, { name: file.name })}
    onClick=${run}
  ><${Icon} name=${icon} /></button>`;
  const choose = (label, choice) =>
    html`<button class="button" onClick=${() => uploads.decide(item, choice)}>${t(label)}</button>`;
  return html`<li class=${`item is-${state}`}>
    <div class="what">
      <b title=${[item.namespace, item.destination, file.name].filter(Boolean).map(straight).join("/")}>${straight(file.name)}</b>
      <small>${said(item)}</small>
      ${state === "sending" && html`<progress max="1" value=${item.sent} aria-label=${t("tray.sent", { name: file.name })} />`}
      ${state === "taken" &&
      html`<div class="choices">
        ${choose("rule.leave", "leave")}${library.may("write") && choose("rule.replace", "replace")}
        ${choose("rule.rename", "rename")}
      </div>`}
      ${state === "duplicate" &&
      html`<div class="choices">${choose("rule.leave", "leave")}${choose("rule.keep", "keep")}</div>`}
    </div>
    ${["waiting", "checking", "sending"].includes(state) && act("tray.pause", "pause", () => uploads.pause(item))}
    ${state === "paused" && act("tray.resume", "play", () => uploads.resume(item))}
    ${state === "failed" && act("tray.retry", "retry", () => uploads.resume(item))}
    ${state === "done" && act("tray.show", "check", () => library.open(item.entry.uuid))}
    ${state !== "done" && act("tray.cancel", "close", () => uploads.cancel(item))}
  </li>`;
}

function said(item) {
  if (item.state === "failed") {
    const { text, more } = explained(item.failure);
    return [text, more].filter(Boolean).join(" ");
  }
  if (item.state === "taken") return t("tray.taken", { name: item.failure.problem.unique_name ?? "" });
  if (item.state === "duplicate") return t("tray.duplicate", { name: item.duplicate.unique_name });
  if (item.state === "done") return `${item.entry.unique_name} · ${bytes(item.file.size)}`;
  return `${t(`tray.is.${item.state}`)} · ${bytes(item.file.size)}`;
}
