// Dead letters of a webhook: events that could not be delivered.
import { useState } from "preact/hooks";
import { read, request } from "../../api.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { named } from "../manage/job.js";
import { usePolled } from "../manage/polling.js";
import { Found, number, Raw, Table, When } from "../manage/shown.js";

const PAGE = 20;

export function Letters({ webhook, onChanged }) {
  const library = useLibrary();
  const [count, setCount] = useState(PAGE);
  const [chosen, setChosen] = useState(new Set());
  const path = `webhooks/${webhook.id}`;
  const load = (signal) => read(`${path}/dead-letters`, { query: new URLSearchParams({ limit: count }), signal });
  // They are looked up again when their number is another one.
  const letters = usePolled(load, 0, [webhook.id, webhook.dead_letters, count]);
  const toggle = (id) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const replay = async () => {
    try {
      const { replayed } = await request("POST", `${path}/replay`, chosen.size ? { json: { ids: [...chosen] } } : {});
      library.say(t("webhooks.replayed", { count: replayed }));
      setChosen(new Set());
    } catch (error) {
      library.complain(error);
    }
    letters.again();
    onChanged();
  };
  const clear = async () => {
    const answers = [
      { value: false, label: t("cancel") },
      { value: true, label: t("webhooks.clear"), kind: "danger" },
    ];
    const title = t("webhooks.clear.title", { count: webhook.dead_letters });
    if (!(await library.ask({ title, text: t("webhooks.clear.text"), answers }))) return;
    try {
      const { removed } = await request("DELETE", `${path}/dead-letters`);
      library.say(t("webhooks.cleared", { count: removed }));
    } catch (error) {
      library.complain(error);
    }
    letters.again();
    onChanged();
  };
  const columns = [
    {
      name: "column.choose",
      cell: ({ id, event }) => html`<label class="check" title=${t("webhooks.choose")}>
        <input
          type="checkbox"
          checked=${chosen.has(id)}
          aria-label=${t("webhooks.choose.of", { name: event.unique_name ?? event.id })}
          onChange=${() => toggle(id)}
        />
      </label>`,
    },
    {
      name: "column.event",
      cell: ({ event }) => html`<div><b>${named("event", event.kind)}</b><small>${event.unique_name ?? ""}</small></div>`,
    },
    { name: "column.died", cell: ({ died_date: at }) => html`<${When} at=${at} />` },
    {
      name: "column.why",
      cell: ({ reason, attempts, last_attempt: last }) => html`<div>
        <span lang="en">${reason}</span>
        <small>${t("webhooks.attempts", { count: attempts })}${last && html` · <span lang="en">${[last.status, last.text].filter(Boolean).join(" ")}</span>`}</small>
      </div>`,
    },
    { name: "column.body", cell: ({ event }) => html`<${Raw} value=${event} label=${t("webhooks.body")} />` },
  ];
  return html`<section class="letters" aria-label=${t("webhooks.letters")}>
    <h2>${t("webhooks.letters")}</h2>
    <${Found} found=${letters}>
      ${({ data, cursor }) => html`
        <${Table} label=${t("webhooks.letters")} columns=${columns} rows=${data} keyOf=${({ id }) => id} empty=${t("webhooks.noletters")} />
        ${data.length > 0 &&
        html`<div class="acts">
          ${cursor && html`<button class="button" onClick=${() => setCount(count + PAGE)}>${t("more")}</button>`}
          <button class="button" onClick=${replay}>
            ${chosen.size ? t("webhooks.replay.some", { count: chosen.size }) : t("webhooks.replay.all", { count: webhook.dead_letters })}
          </button>
          <button class="button danger" onClick=${clear}>${t("webhooks.clear")} (${number(webhook.dead_letters)})</button>
        </div>`}
      `}
    <//>
  </section>`;
}
