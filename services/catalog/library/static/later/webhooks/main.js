// Webhooks: who is told of events, how that goes, and what could not be delivered.
import { useEffect, useRef, useState } from "preact/hooks";
import { read, request } from "../../api.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary, useLibraryState } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { named } from "../manage/job.js";
import { run, usePolled } from "../manage/polling.js";
import { Box, Found, Fold, Head, number, State, Table, When } from "../manage/shown.js";
import { Editor } from "./editor.js";
import { Letters } from "./letters.js";
import { copy } from "../copy.js";

const LOOK_SECONDS = 10;

export function Place() {
  const library = useLibrary();
  const at = useLibraryState((state) => state.view.at);
  const webhooks = usePolled((signal) => read("webhooks", { signal }).then(({ data }) => data), LOOK_SECONDS);
  const [edited, setEdited] = useState(null);
  const [secret, setSecret] = useState("");
  const changed = ({ secret: made }) => {
    if (made) setSecret(made);
    webhooks.again();
  };
  const written = (webhook) => {
    setEdited(null);
    changed(webhook);
  };
  return html`
    <${Head} name="webhooks">
      <button class="button primary" onClick=${() => setEdited({})}>${t("webhooks.add")}</button>
    <//>
    <${Found} found=${webhooks}>
      ${(found) => html`<${List}
        webhooks=${found}
        at=${at}
        onToggle=${({ id }) => library.go({ at: at === id ? "" : id }, { replace: true })}
        onEdit=${setEdited}
        onWritten=${changed}
      />`}
    <//>
    ${edited && html`<${Editor} webhook=${edited} onClose=${() => setEdited(null)} onWritten=${written} />`}
    ${secret && html`<${Secret} secret=${secret} onClose=${() => setSecret("")} />`}
  `;
}

function List({ webhooks, at, onToggle, onEdit, onWritten }) {
  const columns = [
    {
      name: "column.receiver",
      cell: ({ address, description }) => html`<div><b>${address}</b>${description && html`<small>${description}</small>`}</div>`,
    },
    { name: "column.state", cell: (webhook) => html`<${Condition} webhook=${webhook} />` },
    {
      name: "column.waiting",
      is: "number",
      cell: ({ waiting, oldest_date: oldest }) => html`<div>${number(waiting)} ${oldest && html`<small><${When} at=${oldest} /></small>`}</div>`,
    },
    {
      name: "column.delivered",
      cell: ({ last_success: last }) => html`<${When} at=${last?.date} none=${t("webhooks.never")} />`,
    },
    {
      name: "column.dead",
      is: "number",
      cell: ({ dead_letters: count }) => (count ? html`<${State} kind="bad">${number(count)}<//>` : number(0)),
    },
    {
      name: "column.acts",
      is: "acts",
      cell: (webhook) => html`<${Fold}
        isOpen=${at === webhook.id}
        label=${t("webhooks.show", { name: webhook.address })}
        onToggle=${() => onToggle(webhook)}
      />`,
    },
  ];
  return html`<${Table}
    label=${t("place.webhooks")}
    columns=${columns}
    rows=${webhooks}
    keyOf=${({ id }) => id}
    below=${(webhook) => at === webhook.id && html`<${Details} webhook=${webhook} onEdit=${onEdit} onWritten=${onWritten} />`}
    empty=${t("webhooks.none")}
  />`;
}

// Return whether the last attempt of a webhook that has ended was a failure.
const isFailing = ({ last_failure: failure, last_success: success }) => failure !== null && (!success || failure.date > success.date);

function Condition({ webhook }) {
  const { active, gone_date: gone, next_attempt_date: next } = webhook;
  if (gone) return html`<${State} kind="bad">${t("webhooks.gone")}<//>`;
  if (!active) return html`<${State} kind="calm">${t("webhooks.paused")}<//>`;
  if (!isFailing(webhook)) return html`<${State} kind="good">${t("webhooks.works")}<//>`;
  return html`<div>
    <${State} kind="bad">${t("webhooks.fails")}<//>${next && html`<small>${t("webhooks.again")} <${When} at=${next} /></small>`}
  </div>`;
}

function Details({ webhook, onEdit, onWritten }) {
  const library = useLibrary();
  const [trial, setTrial] = useState(null);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const path = `webhooks/${webhook.id}`;
  const send = async (method, where, json) => {
    try {
      const { data } = await request(method, where, { json });
      onWritten(data[0]);
      return true;
    } catch (error) {
      library.complain(error);
      return false;
    }
  };
  const ask = (name, kind) =>
    library.ask({
      title: t(`webhooks.${name}.title`, { name: webhook.address }),
      text: t(`webhooks.${name}.text`),
      answers: [
        { value: false, label: t("cancel") },
        { value: true, label: t(`webhooks.${name}`), kind },
      ],
    });
  const remove = async () => {
    if ((await ask("remove", "danger")) && (await send("DELETE", path))) library.say(t("webhooks.removed"));
  };
  const rotate = async () => (await ask("rotate", "primary")) && send("POST", `${path}/rotate`);
  const test = async () => {
    try {
      const job = await run("test_webhook", { webhook: webhook.id }, setTrial, stop.current.signal);
      setTrial(job);
      onWritten({});
    } catch (error) {
      if (stop.current.signal.aborted) return;
      library.complain(error);
      setTrial(null);
    }
  };
  const isTrying = trial !== null && !trial.ended_at;
  const wanted = [
    ["webhooks.kinds", webhook.kinds.map((kind) => named("event", kind)).join(", ") || t("webhooks.kinds.all")],
    ["webhooks.namespaces", webhook.namespaces.join(", ") || t("webhooks.namespaces.all")],
    ["webhooks.folder", webhook.folder ?? t("webhooks.folder.all")],
  ];
  return html`<div class="outcome">
    ${webhook.fixed && html`<p class="quiet">${t("webhooks.fixed")}</p>`}
    <dl class="facts">${wanted.map(([key, value]) => html`<div><dt>${t(key)}</dt><dd>${value}</dd></div>`)}</dl>
    <${Attempt} name="success" attempt=${webhook.last_success} />
    <${Attempt} name="failure" attempt=${webhook.last_failure} />
    ${webhook.old_secret_until && html`<p class="quiet">${t("webhooks.old")} <${When} at=${webhook.old_secret_until} /></p>`}
    ${webhook.dropped > 0 && html`<p class="notice"><span>${t("webhooks.dropped", { count: webhook.dropped })}</span></p>`}
    <div class="acts">
      <button class="button" disabled=${isTrying} onClick=${test}>${t("webhooks.test")}</button>
      ${!webhook.fixed &&
      html`<button class="button" onClick=${() => onEdit(webhook)}>${t("webhooks.edit")}</button>
        <button class="button" onClick=${() => send("PATCH", path, { active: !webhook.active })}>
          ${t(webhook.active ? "webhooks.pause" : "webhooks.resume")}
        </button>
        ${webhook.gone_date && webhook.active && html`<button class="button" onClick=${() => send("PATCH", path, { active: true })}>${t("webhooks.revive")}</button>`}
        <button class="button" onClick=${rotate}>${t("webhooks.rotate")}</button>
        <button class="button danger" onClick=${remove}>${t("webhooks.remove")}</button>`}
    </div>
    <div role="status">${trial && html`<${Trial} job=${trial} />`}</div>
    <${Letters} key=${webhook.id} webhook=${webhook} onChanged=${() => onWritten({})} />
  </div>`;
}

function Attempt({ name, attempt }) {
  if (!attempt) return null;
  const { date, status, text } = attempt;
  return html`<p class="attempt">
    <${State} kind=${name === "success" ? "good" : "bad"}>${t(`webhooks.last.${name}`)}<//> <${When} at=${date} />
    ${status && html` · ${t("webhooks.status", { status: String(status) })}`} ${text && html`<q lang="en">${text}</q>`}
  </p>`;
}

function Trial({ job }) {
  if (!job.ended_at) return html`<p><${State} kind="busy">${t("webhooks.testing")}<//></p>`;
  if (!job.result) return html`<p><${State} kind="bad">${job.error?.message ?? named("status", job.status)}<//></p>`;
  const { delivered, status, text } = job.result;
  return html`<p class="attempt">
    <${State} kind=${delivered ? "good" : "bad"}>${t(delivered ? "webhooks.tested" : "webhooks.untested")}<//>
    ${status && html` · ${t("webhooks.status", { status: String(status) })}`} ${text && html`<q lang="en">${text}</q>`}
  </p>`;
}

// The secret signs the events. The service shows it in this one answer only.
function Secret({ secret, onClose }) {
  const library = useLibrary();
  const [isCopied, setCopied] = useState(false);
  const take = async () => {
    try {
      await copy(secret);
      setCopied(true);
    } catch {
      library.say(t("copy.failed"), { kind: "error" });
    }
  };
  return html`<${Box} title=${t("webhooks.secret")} onClose=${onClose}>
    <p>${t("webhooks.secret.text")}</p>
    <div class="secret">
      <input readonly aria-label=${t("webhooks.secret")} value=${secret} onFocus=${(event) => event.target.select()} />
      <button class="button primary" onClick=${take}>
        <${Icon} name=${isCopied ? "check" : "copy"} /><span role="status">${t(isCopied ? "copied" : "copy")}</span>
      </button>
    </div>
    <div class="answers"><button class="button" onClick=${onClose}>${t("webhooks.secret.done")}</button></div>
  <//>`;
}
