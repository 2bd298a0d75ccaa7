// Jobs: what can be run, what runs, and what came of it.
import { useState } from "preact/hooks";
import { read, request } from "../../api.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary, useLibraryState } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { Arguments, useArguments } from "../manage/form.js";
import { JobState, named, nameOf, Outcome, Progress } from "../manage/job.js";
import { hasEnded, usePolled } from "../manage/polling.js";
import { Box, Found, Fold, Head, lasting, Table, Trouble, When } from "../manage/shown.js";

const SHOWN = 50;
const STATUSES = ["queued", "running", "retrying", "done", "stopped", "failed", "cancelled"];
const SOON = 3;
const LATER = 15;
// Who wants these sees more at another place.
const ELSEWHERE = { create_dump: "dumps", restore_dump: "dumps", doctor: "health", test_webhook: "webhooks" };

export function Place() {
  const library = useLibrary();
  const at = useLibraryState((state) => state.view.at);
  const [filter, setFilter] = useState({ status: "", name: "" });
  const [count, setCount] = useState(SHOWN);
  const runs = usePolled(
    (signal) => loadRuns(filter, count, at, signal),
    (jobs) => (jobs?.some((job) => !hasEnded(job)) ? SOON : LATER),
    [filter, count, at],
  );
  const kinds = usePolled((signal) => read("job-kinds", { signal }).then(({ data }) => data), 60);
  const asked = (job) => {
    library.say(t("jobs.asked", { name: nameOf(job) }));
    library.go({ at: job.id });
    setOpen(false);
    kinds.again();
  };
  const [isOpen, setOpen] = useState(false);
  const choose = (chosen) => {
    setFilter(chosen);
    if (at) library.go({ at: "" }, { replace: true });
  };
  const toggle = (job) => library.go({ at: at === job.id ? "" : job.id }, { replace: true });
  return html`
    <${Head} name="jobs">
      <button class="button primary" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
        <${Icon} name=${isOpen ? "down" : "play"} size=${16} />${t("jobs.kinds.open")}
      </button>
    <//>
    ${isOpen &&
    html`<h2>${t("jobs.kinds")}</h2>
      <${Found} found=${kinds}>${(found) => html`<${Kinds} kinds=${found} onAsked=${asked} />`}<//>`}
    <h2>${t("jobs.runs")}</h2>
    <${Filters} filter=${filter} kinds=${kinds.data ?? []} onFilter=${choose} />
    <${Found} found=${runs}>
      ${(jobs) => html`<${Runs} jobs=${jobs} at=${at} hasFilter=${Boolean(filter.status || filter.name)} onToggle=${toggle} onCancelled=${runs.again} />
        ${jobs.length >= count &&
        html`<p><button class="button" onClick=${() => setCount(count + SHOWN)}>${t("more")}</button></p>`}`}
    <//>
  `;
}

async function loadRuns({ status, name }, limit, at, signal) {
  // Results can be long, and only one is read at a time.
  const query = new URLSearchParams({ limit, results: "false" });
  if (status) query.append("status", status);
  if (name) query.append("name", name);
  const { data } = await read("jobs", { query, signal });
  if (!at || data.some((job) => job.id === at)) return data;
  try {
    // The one that the address names is shown whatever else is.
    return [...(await read(`jobs/${encodeURIComponent(at)}`, { signal })).data, ...data];
  } catch (error) {
    if (error.status === 404) return data;
    throw error;
  }
}

function Filters({ filter, kinds, onFilter }) {
  const names = [...new Set([...kinds.map(({ name }) => name), "act", "import"])];
  const choose = (name, values, prefix) => html`<div>
    <label for=${`jobs-${name}`}>${t(`jobs.${name}`)}</label>
    <select id=${`jobs-${name}`} onChange=${(event) => onFilter({ ...filter, [name]: event.target.value })}>
      <option value="">${t("jobs.all")}</option>
      ${values.map((value) => html`<option value=${value} selected=${filter[name] === value}>${named(prefix, value)}</option>`)}
    </select>
  </div>`;
  return html`<div class="filters">${choose("status", STATUSES, "status")} ${choose("name", names, "job")}</div>`;
}

function Runs({ jobs, at, hasFilter, onToggle, onCancelled }) {
  const columns = [
    { name: "column.job", cell: (job) => html`<b>${nameOf(job)}</b><small class="cut">${job.id}</small>` },
    {
      name: "column.state",
      cell: (job) => html`<div><${JobState} job=${job} />${job.status === "running" && html`<${Progress} job=${job} />`}
        ${job.status === "retrying" && html`<small>${t("jobs.again")} <${When} at=${job.retry_at} /></small>`}</div>`,
    },
    { name: "column.started", cell: (job) => html`<${When} at=${job.started_at ?? job.queued_at} />` },
    { name: "column.took", is: "number", cell: took },
    { name: "column.by", cell: (job) => html`<span>${named("by", job.asked_by)}</span>` },
    {
      name: "column.acts",
      is: "acts",
      cell: (job) => html`${!hasEnded(job) && html`<${Cancel} job=${job} onCancelled=${onCancelled} />`}
        <${Fold}
          isOpen=${at === job.id}
          label=${t("jobs.show", { name: `${nameOf(job)} ${job.id}` })}
          onToggle=${() => onToggle(job)}
        />`,
    },
  ];
  return html`<${Table}
    label=${t("jobs.runs")}
    columns=${columns}
    rows=${jobs}
    keyOf=${(job) => job.id}
    below=${(job) => at === job.id && html`<${Result} key=${job.id} job=${job} />`}
    empty=${t(hasFilter ? "jobs.nothing" : "jobs.none")}
  />`;
}

function Cancel({ job, onCancelled }) {
  const library = useLibrary();
  const name = nameOf(job);
  const cancel = async () => {
    const isSure = await library.ask({
      title: t("jobs.cancel.title", { name }),
      text: t(job.status === "running" ? "jobs.cancel.running" : "jobs.cancel.waiting"),
      answers: [
        { value: false, label: t("jobs.cancel.not") },
        { value: true, label: t("jobs.cancel"), kind: "danger" },
      ],
    });
    if (!isSure) return;
    try {
      await request("POST", `jobs/${encodeURIComponent(job.id)}/cancel`);
    } catch (error) {
      if (error.code === "job_ended") library.say(t("jobs.cancel.late", { name }));
      else library.complain(error);
    }
    onCancelled();
  };
  return html`<button
    class="button"
    aria-label=${t("jobs.cancel.of", { name: `${name} ${job.id}` })}
    disabled=${job.cancelled_by !== null}
    onClick=${cancel}
  ><${Icon} name="close" size=${16} />${t("jobs.cancel")}</button>`;
}

function Result({ job: { id, status } }) {
  const load = (signal) => read(`jobs/${encodeURIComponent(id)}`, { signal }).then(({ data }) => data[0]);
  const job = usePolled(load, (found) => (found && hasEnded(found) ? 0 : SOON), [id, status]);
  return html`<${Found} found=${job}>${(found) => html`<${Outcome} job=${found} />`}<//>`;
}

function took({ started_at: begun, ended_at: ended }) {
  if (!begun) return "–";
  const seconds = ((ended ? Date.parse(ended) : Date.now()) - Date.parse(begun)) / 1000;
  return lasting(Math.max(0, seconds));
}

function Kinds({ kinds, onAsked }) {
  const library = useLibrary();
  const [chosen, setChosen] = useState(null);
  const columns = [
    {
      name: "column.job",
      cell: (kind) => html`<div><b>${nameOf(kind)}</b><small>${aboutOf(kind)}</small></div>`,
    },
    {
      name: "column.last",
      cell: ({ last }) =>
        last
          ? html`<div><${JobState} job=${last} /> <small><${When} at=${last.queued_at} /></small></div>`
          : html`<span class="quiet">–</span>`,
    },
    {
      name: "column.next",
      cell: ({ next_date: next, cron }) =>
        next ? html`<div><${When} at=${next} /><small>${t("jobs.cron", { cron })}</small></div>` : html`<span class="quiet">–</span>`,
    },
    {
      name: "column.acts",
      is: "acts",
      cell: (kind) =>
        ELSEWHERE[kind.name]
          ? html`<button class="button" onClick=${() => library.go({ place: ELSEWHERE[kind.name] })}>
              ${t("jobs.elsewhere", { place: t(`place.${ELSEWHERE[kind.name]}`) })}
            </button>`
          : html`<button class="button" aria-label=${t("jobs.start.of", { name: nameOf(kind) })} onClick=${() => setChosen(kind)}>
              <${Icon} name="play" size=${16} />${t("jobs.start")}
            </button>`,
    },
  ];
  return html`
    <${Table} label=${t("jobs.kinds")} columns=${columns} rows=${kinds} keyOf=${(kind) => kind.name} empty="" />
    ${chosen && html`<${Start} key=${chosen.name} kind=${chosen} onClose=${() => setChosen(null)} onAsked=${onAsked} />`}
  `;
}

const aboutOf = ({ name, about }) => {
  const text = named("about", name);
  return text === name ? html`<span lang="en">${about}</span>` : text;
};

function Start({ kind, onClose, onAsked }) {
  const form = useArguments(kind.arguments);
  const [failure, setFailure] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const canTry = form.fields.some(({ name }) => name === "dry_run");
  const send = async (given) => {
    setBusy(true);
    try {
      const { data } = await request("POST", `jobs/${kind.name}`, { json: given });
      onAsked(data[0]);
      onClose();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    const isTrial = event.submitter?.value === "dry_run";
    send({ ...form.sent, ...(isTrial && { dry_run: true }) });
  };
  return html`<${Box} title=${nameOf(kind)} isBusy=${isBusy} onClose=${onClose}>
    <form onSubmit=${submit}>
      <p>${aboutOf(kind)}</p>
      <${Arguments} form=${form} without=${["dry_run"]} />
      ${failure && html`<${Trouble} failure=${failure} />`}
      ${canTry && html`<p>${t("jobs.dry.text")}</p>`}
      <div class="answers">
        <button class="button" type="button" onClick=${onClose}>${t("cancel")}</button>
        ${canTry && html`<button class="button" value="dry_run" disabled=${isBusy}>${t("jobs.dry")}</button>`}
        <button class="button primary" value="" disabled=${isBusy}>${t("jobs.start")}</button>
      </div>
    </form>
  <//>`;
}
