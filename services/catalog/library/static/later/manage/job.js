// A job, for people: its state, how far it is, and what came of it.
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { hasEnded } from "./polling.js";
import { number, Raw, State, Trouble } from "./shown.js";

const KINDS = { queued: "calm", running: "busy", retrying: "warn", done: "good", stopped: "warn", failed: "bad", cancelled: "warn" };
const NAMED = 20;
// What is said elsewhere, or nothing to anybody.
const LEFT_OUT = ["interface", "seconds", "stopped", "message", "findings"];

// The text of a key with a name in it; the name itself if there is none.
export function named(prefix, name) {
  const keys = [`manage.${prefix}.${name}`, `${prefix}.${name}`];
  return keys.map((key) => [key, t(key)]).find(([key, text]) => key !== text)?.[1] ?? name;
}

export const nameOf = (job) => named("job", job.name);

export function JobState({ job }) {
  if (job.cancelled_by && !hasEnded(job)) return html`<${State} kind="warn">${t("manage.cancelling")}<//>`;
  return html`<${State} kind=${KINDS[job.status] ?? "calm"}>${named("status", job.status)}<//>`;
}

export function Progress({ job }) {
  const found = job.progress;
  const text = !found ? t("manage.runs") : found.count === null ? t("manage.at", found) : t("manage.of", found);
  const label = t("manage.progress", { name: nameOf(job) });
  return html`<div class="progress">
    ${found?.count
      ? html`<progress aria-label=${label} value=${Math.min(found.done, found.count)} max=${found.count} />`
      : html`<progress aria-label=${label} />`}
    <small>${text}</small>
  </div>`;
}

// What came of a job, in words, and the answer itself.
export function Outcome({ job }) {
  const { error, result } = job;
  return html`<div class="outcome">
    ${job.status === "cancelled" && html`<p>${t("manage.cancelled", { name: named("by", job.cancelled_by) })}</p>`}
    ${error && html`<${JobError} error=${error} />`}
    ${result?.stopped && html`<p class="notice" role="note"><span lang="en">${result.stopped}</span></p>`}
    ${result?.message && html`<p lang="en">${result.message}</p>`}
    ${result && html`<${Facts} result=${result} />`}
    ${!error && !result && html`<p class="quiet">${t("manage.noresult")}</p>`}
    <${Raw} value=${job} />
  </div>`;
}

export function JobError({ error }) {
  return html`<div class="notice" role="alert">
    <span lang="en">${[error.message, error.details, error.hint].filter(Boolean).join(" ")}</span>
  </div>`;
}

// Why a job that somebody has waited for has ended without being done.
export function Unfinished({ job }) {
  if (job.status === "failed") return html`<${JobError} error=${job.error} />`;
  if (job.status !== "cancelled") return null;
  return html`<div class="notice" role="alert"><span>${t("manage.cancelled", { name: named("by", job.cancelled_by) })}</span></div>`;
}

function Facts({ result }) {
  const fields = Object.entries(result).filter(([name]) => !LEFT_OUT.includes(name));
  const plain = fields.filter(([, value]) => value !== null && typeof value !== "object");
  const wrong = (result.findings ?? []).filter(({ mend }) => mend);
  const lists = [...fields, ["wrong_count", wrong]].filter(([, value]) => Array.isArray(value) && value.length > 0);
  return html`
    <dl class="facts">
      ${plain.map(([name, value]) => html`<div key=${name}><dt>${named("result", name)}</dt><dd>${said(value)}</dd></div>`)}
    </dl>
    ${lists.map(([name, values]) => html`<${Lines} key=${name} title=${named("result", name)} values=${values} />`)}
  `;
}

export function Lines({ title, values, count = values.length }) {
  return html`<details class="lines">
    <summary>${title} (${number(count)})</summary>
    <ul>
      ${values.slice(0, NAMED).map((value) => html`<li>${lineOf(value)}</li>`)}
      ${count > NAMED && html`<li class="quiet">${t("manage.more", { count: count - Math.min(NAMED, values.length) })}</li>`}
    </ul>
  </details>`;
}

function lineOf(value) {
  if (typeof value !== "object" || value === null) return String(value);
  const { unique_name: path, uuid, url, reason, error, subject, said: found, mend } = value;
  const what = path || url || uuid || subject;
  const why = reason ?? error?.message ?? (found && `${found} ${mend}`);
  if (!what && !why) return JSON.stringify(value);
  return html`${what && html`<b>${what}</b>`} ${why && html`<small lang="en">${why}</small>`}`;
}

function said(value) {
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return t(value ? "manage.yes" : "manage.no");
  return value === "" ? "–" : value;
}

// A job that somebody waits for.
export function Waiting({ job, failure }) {
  return html`<div role="status">
    ${job && html`<p class="now"><${JobState} job=${job} /> ${t(job.status === "queued" ? "manage.queued" : "manage.goes")}</p>`}
    ${job && html`<${Progress} job=${job} />`}
    ${failure && html`<${Trouble} failure=${failure} isOld />`}
  </div>`;
}
