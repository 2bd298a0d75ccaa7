// Going back to a dump: first what would change, then, if somebody types its name, the change itself.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { Lines, Unfinished, Waiting } from "../manage/job.js";
import { run } from "../manage/polling.js";
import { Box, number, State, Trouble } from "../manage/shown.js";

export function Restore({ filename, onClose }) {
  const library = useLibrary();
  const [trial, setTrial] = useState({ job: null, failure: null });
  const [real, setReal] = useState({ job: null, failure: null });
  const [skips, setSkips] = useState(false);
  const [typed, setTyped] = useState("");
  const stop = useRef(new AbortController());

  const follow = (given, set) =>
    run("restore_dump", given, (job, failure) => set({ job, failure }), stop.current.signal).catch((failure) => {
      if (failure.name !== "AbortError") set((before) => ({ ...before, failure }));
    });
  useEffect(() => {
    setTrial({ job: null, failure: null });
    follow({ filename, dry_run: true, ...(skips && { skip_invalid: true }) }, setTrial);
  }, [skips]);
  useEffect(() => () => stop.current.abort(), []);

  const restore = async (event) => {
    event.preventDefault();
    if (typed !== filename) return;
    const job = await follow({ filename, ...(skips && { skip_invalid: true }) }, setReal);
    if (job?.status === "done") library.refresh();
  };
  const isSeen = trial.job?.status === "done" && real.job === null && !real.failure;
  const isRestoring = real.job !== null && !real.job.ended_at;
  const canSkip = trial.job?.status === "failed" && !skips && trial.job.error.status === 422;
  return html`<${Box} title=${t("dumps.restore.title", { name: filename })} isWide onClose=${onClose}>
    ${real.job === null && html`<${Trial} trial=${trial} />`}
    ${canSkip && html`<button class="button" onClick=${() => setSkips(true)}>${t("dumps.skip")}</button>`}
    ${isSeen &&
    html`<form onSubmit=${restore}>
      <h3>${t("dumps.sure")}</h3>
      <ul class="plainlist">
        <li>${t("dumps.sure.switch")}</li>
        <li>${t("dumps.sure.caches")}</li>
        <li>${t("dumps.sure.files")}</li>
        <li>${t("dumps.sure.undo")}</li>
      </ul>
      <div class="form">
        <div class="field">
          <label for="restore-name">${t("dumps.type", { name: filename })}</label>
          <input id="restore-name" autocomplete="off" spellcheck=${false} value=${typed} onInput=${(event) => setTyped(event.target.value.trim())} />
        </div>
      </div>
      <div class="answers">
        <button class="button" type="button" onClick=${onClose}>${t("cancel")}</button>
        <button class="button danger" disabled=${typed !== filename}>${t("dumps.restore.now")}</button>
      </div>
    </form>`}
    ${isRestoring && html`<${Waiting} job=${real.job} failure=${real.failure} /><p class="quiet">${t("dumps.leave")}</p>`}
    ${!isRestoring && real.failure && html`<${Trouble} failure=${real.failure} />`}
    ${real.job && html`<${Unfinished} job=${real.job} />`}
    ${real.job?.status === "done" && html`<${Restored} result=${real.job.result} />`}
    ${!isSeen && html`<div class="answers"><button class="button" onClick=${onClose}>${t("close")}</button></div>`}
  <//>`;
}

function Trial({ trial: { job, failure } }) {
  if (failure && (job === null || job.ended_at)) return html`<${Trouble} failure=${failure} />`;
  if (job === null || !job.ended_at) {
    return html`<p>${t("dumps.trial")}</p><${Waiting} job=${job} failure=${failure} />`;
  }
  if (job.status !== "done") return html`<${Unfinished} job=${job} />`;
  const { details, difference, skipped = [], fallback } = job.result;
  return html`
    <p role="status">${t("dumps.would", { count: details.itemsRestored })}</p>
    ${fallback && html`<p class="notice"><span>${t("dumps.fallback")} <small lang="en">${fallback}</small></span></p>`}
    ${skipped.length > 0 && html`<${Lines} title=${t("dumps.skipped")} values=${skipped} count=${details.itemsSkipped} />`}
    ${difference && html`<${Difference} difference=${difference} />`}
  `;
}

function Difference({ difference }) {
  const { added_count: come, removed_count: go, changed_count: change, replaced_count: replaced, same_count: same } = difference;
  const tile = (name, count, isLost, more) => html`<div class=${isLost && count ? "is-lost" : ""}>
    <dt>${t(`dumps.${name}`)}</dt><dd>${number(count)}${more && html`<small>${more}</small>`}</dd>
  </div>`;
  const list = (name, count) =>
    count > 0 && html`<${Lines} title=${t(`dumps.${name}.list`)} values=${difference[name]} count=${count} />`;
  return html`
    <dl class="tiles">
      ${tile("added", come)} ${tile("removed", go, true)}
      ${tile("changed", change, true, replaced > 0 && t("dumps.replaced", { count: replaced }))} ${tile("same", same)}
    </dl>
    ${go + change > 0
      ? html`<p class="notice">
          <span>
            ${go > 0 && t("dumps.lost.gone", { count: go })} ${change > 0 && t("dumps.lost.changed", { count: change })} ${t("dumps.lost.first")}
          </span>
        </p>`
      : html`<p><${State} kind="good">${t("dumps.nothing.lost")}<//></p>`}
    ${list("removed", go)} ${list("changed", change)} ${list("added", come)}
  `;
}

function Restored({ result }) {
  const { details, purged, completed, renamed, retired_count: retired } = result;
  const facts = [
    [completed, "dumps.completed"],
    [renamed, "dumps.renamed"],
    [retired, "dumps.retired"],
    [details.itemsSkipped, "dumps.skipped.count"],
  ].filter(([count]) => count);
  return html`
    <p role="status"><${State} kind="good">${t("dumps.restored", { count: details.itemsRestored })}<//></p>
    <p><${State} kind=${purged ? "good" : "warn"}>${t(purged ? "dumps.purged" : "dumps.unpurged")}<//></p>
    ${facts.length > 0 && html`<ul class="plainlist">${facts.map(([count, key]) => html`<li>${t(key, { count })}</li>`)}</ul>`}
  `;
}
