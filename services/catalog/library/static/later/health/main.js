// How the system is: processes, nodes of the gateway, the queue, room; and what the doctor finds.
import { useEffect, useRef, useState } from "preact/hooks";
import { read, request } from "../../api.js";
import { html } from "../../html.js";
import { bytes, t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { Unfinished, Waiting } from "../manage/job.js";
import { follow, hasEnded, run, usePolled } from "../manage/polling.js";
import { Found, Head, lasting, number, State, Table, Trouble, When } from "../manage/shown.js";
import { troubles } from "./judging.js";

const LOOK_SECONDS = 5;
const FULL = 0.9;

export function Place() {
  const status = usePolled(load, LOOK_SECONDS);
  return html`
    <${Head} name="health" />
    <${Found} found=${status}>
      ${(found) => html`
        <${Summary} status=${found} isOld=${status.failure !== null} />
        <h2>${t("health.processes")}</h2>
        <${Processes} processes=${found.processes} />
        <h2>${t("health.nodes")}</h2>
        ${found.nodes.length === 0 ? html`<p class="none">${t("health.nonodes")}</p>` : html`<${Nodes} nodes=${found.nodes} />`}
        <h2>${t("health.queue")}</h2>
        <${Queue} queue=${found.queue} />
      `}
    <//>
    <${Doctor} />
  `;
}

// Load the status, with the nodes of the gateway. Only a worker knows these: without one, there are none.
async function load(signal) {
  const [status, { data, newest }] = await Promise.all([
    read("status", { signal }),
    request("GET", "nodes", { signal }).catch((error) => {
      if (error.status === 503) return { data: [], newest: "0" };
      throw error;
    }),
  ]);
  return { ...status.data[0], nodes: data, newest };
}

function Summary({ status, isOld }) {
  const wrong = troubles(status);
  if (isOld) return null;
  return html`<div role="status">
    ${wrong.length === 0
      ? html`<p><${State} kind="good">${t("health.well")}<//></p>`
      : html`<ul class="notice">
          ${wrong.map(({ key, values }) => html`<li><${State} kind="bad">${t(key, values)}<//></li>`)}
        </ul>`}
  </div>`;
}

function Processes({ processes }) {
  const columns = [
    { name: "column.service", cell: ({ service, process }) => html`<div><b>${service}</b><small>${process}</small></div>` },
    {
      name: "column.state",
      cell: (one) => html`<div>
        ${!one.alive
          ? html`<${State} kind="bad">${t("health.gone")}<//>`
          : html`<${State} kind=${one.ready ? "good" : "bad"}>${t(one.ready ? "health.ready" : "health.unready")}<//>`}
        ${one.alive && ["redis", "storage"].map((name) => one[name] !== "ok" && html`<small key=${name}>${wrongOf(one, name)}</small>`)}
      </div>`,
    },
    { name: "column.since", cell: ({ started_date: at }) => html`<${When} at=${at} />` },
    { name: "column.seen", cell: ({ seen_date: at }) => html`<${When} at=${at} />` },
    { name: "column.room", cell: (one) => html`<${Room} free=${one.disk_free} total=${one.disk_total} />` },
  ];
  return html`<${Table}
    label=${t("health.processes")}
    columns=${columns}
    rows=${processes}
    keyOf=${({ process }) => process}
    empty=${t("health.noprocesses")}
  />`;
}

function wrongOf(one, name) {
  const seconds = one.failing_seconds[name];
  const since = seconds === undefined ? "" : ` (${lasting(seconds)})`;
  return html`${t(`health.${name}`)}: <span lang="en">${one[name]}</span>${since}`;
}

function Room({ free, total }) {
  if (total === null) return html`<span class="quiet">–</span>`;
  const used = total - free;
  return html`<div class=${`progress ${used / total > FULL ? "is-full" : ""}`}>
    <progress value=${used} max=${total} aria-label=${t("health.used")} />
    <small>${t("health.free", { free: bytes(free), total: bytes(total) })}</small>
  </div>`;
}

function Nodes({ nodes }) {
  const columns = [
    { name: "column.node", cell: ({ node, tier }) => html`<div><b>${t(`health.${tier}`)}</b><small>${node}</small></div>` },
    {
      name: "column.state",
      cell: ({ away_since: since, problem, has_change: isCurrent }) => {
        if (!since) return html`<${State} kind=${isCurrent ? "good" : "busy"}>${t(isCurrent ? "health.current" : "health.behind")}<//>`;
        return html`<div>
          <${State} kind="bad">${t("health.away")}<//><small lang="en">${problem}</small><small><${When} at=${since} /></small>
        </div>`;
      },
    },
    { name: "column.position", cell: ({ position }) => html`<${Position} position=${position} />` },
    { name: "column.lag", is: "number", cell: ({ seconds }) => (seconds === null ? "–" : t("health.lag", { ms: Math.round(seconds * 1000) })) },
  ];
  return html`<${Table} label=${t("health.nodes")} columns=${columns} rows=${nodes} keyOf=${({ node }) => node} empty="" />`;
}

// The number of a change is the moment at which it was made, in microseconds.
function Position({ position }) {
  if (position === "0") return html`<span class="quiet">–</span>`;
  return html`<div><${When} at=${new Date(Number(position) / 1000).toISOString()} /><small>${position}</small></div>`;
}

function Queue({ queue }) {
  const library = useLibrary();
  const { waiting, running, oldest_date: oldest } = queue;
  return html`
    <dl class="tiles">
      <div><dt>${t("health.waiting")}</dt><dd>${number(waiting)}</dd></div>
      <div><dt>${t("health.running")}</dt><dd>${number(running)}</dd></div>
      <div><dt>${t("health.oldest")}</dt><dd><${When} at=${oldest} /></dd></div>
    </dl>
    <button class="button" onClick=${() => library.go({ place: "jobs" })}>${t("health.jobs")}</button>
  `;
}

function Doctor() {
  const [job, setJob] = useState(null);
  const [failure, setFailure] = useState(null);
  const stop = useRef(new AbortController());
  const watch = (work) => {
    setFailure(null);
    return work.catch((error) => error.name !== "AbortError" && setFailure(error));
  };
  const told = (found, error) => {
    setJob(found);
    setFailure(error);
  };
  useEffect(() => {
    // What the doctor has found last.
    const query = new URLSearchParams({ name: "doctor", limit: 1 });
    const { signal } = stop.current;
    watch(read("jobs", { query, signal }).then(({ data }) => data[0] && follow(data[0], told, signal)));
    return () => stop.current.abort();
  }, []);
  const isBusy = job !== null && !hasEnded(job);
  const examine = () => watch(run("doctor", {}, told, stop.current.signal));
  return html`<section aria-labelledby="doctor">
    <div class="head">
      <div><h2 id="doctor">${t("health.doctor")}</h2><p class="quiet">${t("health.doctor.text")}</p></div>
      <div class="acts"><button class="button primary" disabled=${isBusy} onClick=${examine}>${t("health.examine")}</button></div>
    </div>
    ${failure && html`<${Trouble} failure=${failure} />`}
    ${isBusy && html`<${Waiting} job=${job} />`}
    ${job && html`<${Unfinished} job=${job} />`}
    ${job?.status === "done" && html`<${Findings} job=${job} />`}
    ${!job && !failure && html`<p class="none">${t("health.unexamined")}</p>`}
  </section>`;
}

function Findings({ job }) {
  const { findings, wrong_count: count } = job.result;
  const ordered = [...findings].sort((one, other) => Number(one.mend === "") - Number(other.mend === ""));
  const columns = [
    {
      name: "column.state",
      cell: ({ mend }) => html`<${State} kind=${mend ? "bad" : "good"}>${t(mend ? "health.wrong" : "health.ok")}<//>`,
    },
    { name: "column.service", is: "word", cell: ({ service }) => service },
    {
      name: "column.finding",
      cell: ({ subject, said, mend }) => html`<div lang="en">
        <b>${subject}</b>: ${said} ${mend && html`<small class="mend">${mend}</small>`}
      </div>`,
    },
  ];
  return html`
    <p role="status">
      <${State} kind=${count ? "bad" : "good"}>${t(count ? "health.found" : "health.sound", { count: count || findings.length })}<//>
      <small><${When} at=${job.ended_at} /></small>
    </p>
    <${Table}
      label=${t("health.doctor")}
      columns=${columns}
      rows=${ordered}
      keyOf=${({ service, subject, said }) => `${service} ${subject} ${said}`}
      empty=""
    />
  `;
}
