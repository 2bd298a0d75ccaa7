// Dumps of the catalog: the list, making one, saving one, and going back to one.
import { useRef, useState } from "preact/hooks";
import { authorization, Failure, failureOf, hasAnother, read, ROOT, session } from "../../api.js";
import { html } from "../../html.js";
import { bytes, t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { Arguments, useArguments } from "../manage/form.js";
import { Unfinished, Waiting } from "../manage/job.js";
import { run, usePolled } from "../manage/polling.js";
import { Box, exactly, Found, Head, number, State, Table, Trouble, When } from "../manage/shown.js";
import { Restore } from "./restore.js";

const LOOK_SECONDS = 30;

export function Place() {
  const dumps = usePolled((signal) => read("catalog/dumps", { signal }).then(({ data }) => data), LOOK_SECONDS);
  const [isMaking, setMaking] = useState(false);
  const [restored, setRestored] = useState("");
  // Not every storage can say which dumps it has.
  const isUnlisted = dumps.failure?.status === 501;
  return html`
    <${Head} name="dumps">
      <button class="button primary" onClick=${() => setMaking(true)}>${t("dumps.make")}</button>
    <//>
    ${isUnlisted
      ? html`<p class="none">${t("dumps.unlisted")}</p>`
      : html`<${Found} found=${dumps}>${(found) => html`<${List} dumps=${found} onRestore=${setRestored} />`}<//>`}
    <${ByName} onRestore=${setRestored} />
    ${isMaking && html`<${Make} onClose=${() => setMaking(false)} onMade=${dumps.again} />`}
    ${restored && html`<${Restore} filename=${restored} onClose=${() => setRestored("")} />`}
  `;
}

// The second that names a dump, as a date.
export function secondOf(timestamp) {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/.exec(timestamp) ?? [];
  return year ? `${year}-${month}-${day}T${hour}:${minute}:${second}Z` : null;
}

function List({ dumps, onRestore }) {
  const columns = [
    {
      name: "column.dump",
      cell: ({ timestamp, latest }) => html`<div>
        <b>${exactly(secondOf(timestamp))}</b> ${latest && html`<${State} kind="calm">${t("dumps.latest")}<//>`}
        <small>dump_${timestamp}</small>
      </div>`,
    },
    { name: "column.age", cell: ({ timestamp }) => html`<${When} at=${secondOf(timestamp)} />` },
    { name: "column.entries", is: "number", cell: ({ records }) => (records === null ? t("dumps.unknown") : number(records)) },
    {
      name: "column.bytes",
      is: "number",
      cell: ({ files }) => bytes((files.json?.size ?? 0) + (files.rdb?.size ?? 0)),
    },
    {
      name: "column.verified",
      cell: ({ verified }) => html`<${State} kind=${verified ? "good" : "warn"}>${t(verified ? "dumps.verified" : "dumps.unverified")}<//>`,
    },
    {
      name: "column.acts",
      is: "acts",
      cell: ({ files, timestamp }) => html`
        ${["json", "rdb"].map((kind) => files[kind] && html`<${Save} filename=${files[kind].filename} kind=${kind.toUpperCase()} />`)}
        <button
          class="button"
          aria-label=${t("dumps.restore.of", { name: exactly(secondOf(timestamp)) })}
          onClick=${() => onRestore((files.json ?? files.rdb).filename)}
        >${t("dumps.restore")}</button>
      `,
    },
  ];
  return html`<${Table}
    label=${t("place.dumps")}
    columns=${columns}
    rows=${dumps}
    keyOf=${({ timestamp }) => timestamp}
    empty=${t("dumps.none")}
  />`;
}

// The browser sends no token with a link, so the file is fetched and saved then.
function Save({ filename, kind }) {
  const library = useLibrary();
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await saveFile(filename);
    } catch (error) {
      library.complain(error);
    }
    setBusy(false);
  };
  return html`<button class="button" disabled=${isBusy} aria-label=${t("dumps.save", { name: filename })} onClick=${save}>
    <${Icon} name="download" size=${16} />${kind}
  </button>`;
}

// `tokens` is with how many tokens it is asked for.
async function saveFile(filename, tokens = 2) {
  const address = new URL(`catalog/get-dump/${encodeURIComponent(filename)}`, ROOT);
  const { token } = session;
  let answer;
  let content;
  try {
    answer = await fetch(address, { headers: authorization(), cache: "no-store" });
    content = await answer.blob();
  } catch {
    throw new Failure(0, { code: "network" });
  }
  if (answer.status === 401 && (await hasAnother(token)) && tokens > 1) return saveFile(filename, tokens - 1);
  if (!answer.ok) throw failureOf(answer.status, await content.text());
  const href = URL.createObjectURL(content);
  // The service says which one is the latest.
  const [, said] = /filename="([\w.-]+)"/.exec(answer.headers.get("content-disposition")) ?? [];
  Object.assign(document.createElement("a"), { href, download: said ?? filename }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

// A dump with a name is not in the list.
function ByName({ onRestore }) {
  const [name, setName] = useState("");
  const known = name === "latest" || /\.(json|rdb)$/.test(name) ? name : `${name}.json`;
  const submit = (event) => {
    event.preventDefault();
    if (name) onRestore(known);
  };
  return html`
    <h2>${t("dumps.named")}</h2>
    <form onSubmit=${submit}>
      <p class="quiet" id="dump-name-about">${t("dumps.named.text")}</p>
      <div class="filters">
        <label>
          ${t("dumps.name")}
          <input
            value=${name}
            maxlength="100"
            pattern="[A-Za-z0-9_.\\-]+"
            autocomplete="off"
            aria-describedby="dump-name-about"
            onInput=${(event) => setName(event.target.value.trim())}
          />
        </label>
        ${name && html`<${Save} key=${known} filename=${known} kind=${t("download")} />`}
        <button class="button" disabled=${!name}>${t("dumps.restore")}</button>
      </div>
    </form>
  `;
}

function Make({ onClose, onMade }) {
  const kinds = usePolled((signal) => read("job-kinds", { signal }).then(({ data }) => data), 0);
  return html`<${MakeBox} kinds=${kinds} onClose=${onClose} onMade=${onMade} />`;
}

function MakeBox({ kinds, onClose, onMade }) {
  const [job, setJob] = useState(null);
  const [failure, setFailure] = useState(null);
  const stop = useRef(new AbortController());
  const kind = kinds.data?.find(({ name }) => name === "create_dump");
  const isBusy = job !== null && !failure && !job.ended_at;
  const make = async (given) => {
    setFailure(null);
    try {
      await run("create_dump", given, setJob, stop.current.signal);
      onMade();
    } catch (error) {
      if (error.name !== "AbortError") setFailure(error);
    }
  };
  const close = () => {
    stop.current.abort();
    onClose();
  };
  return html`<${Box} title=${t("dumps.make")} onClose=${close}>
    <p>${t("dumps.make.text")}</p>
    ${job === null &&
    html`<${Found} found=${kinds}>${() => kind && html`<${MakeForm} kind=${kind} onSend=${make} onClose=${close} />`}<//>`}
    ${isBusy && html`<${Waiting} job=${job} />`}
    ${failure && html`<${Trouble} failure=${failure} />`}
    ${job && html`<${Unfinished} job=${job} />`}
    ${job?.result &&
    html`<p role="status"><${State} kind="good">${t("dumps.made")}<//></p>
      <ul class="plainlist">
        ${Object.values(job.result.files).map(({ filename, size }) => html`<li>${filename} · ${bytes(size)}</li>`)}
      </ul>
      ${job.result.pruned.length > 0 && html`<p>${t("dumps.pruned", { count: job.result.pruned.length })}</p>`}`}
    ${job !== null && html`<div class="answers"><button class="button" onClick=${close}>${t("close")}</button></div>`}
  <//>`;
}

function MakeForm({ kind, onSend, onClose }) {
  const form = useArguments(kind.arguments);
  const submit = (event) => {
    event.preventDefault();
    onSend(form.sent);
  };
  return html`<form onSubmit=${submit}>
    <${Arguments} form=${form} />
    <div class="answers">
      <button class="button" type="button" onClick=${onClose}>${t("cancel")}</button>
      <button class="button primary">${t("dumps.make")}</button>
    </div>
  </form>`;
}
