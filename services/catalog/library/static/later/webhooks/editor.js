// A webhook that is added or changed. Which kinds of events there are is read from the document of the API.
import { useState } from "preact/hooks";
import { read, request } from "../../api.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { named } from "../manage/job.js";
import { usePolled } from "../manage/polling.js";
import { Box, Found, Trouble } from "../manage/shown.js";

const loadKinds = async (signal) => {
  const { paths, components } = await read("openapi.json", { signal });
  const resolved = (schema) => (schema.$ref ? components.schemas[schema.$ref.split("/").pop()] : schema);
  const body = resolved(paths["/webhooks"].post.requestBody.content["application/json"].schema);
  return resolved(body.properties.kinds.items).enum;
};

export function Editor({ webhook, onClose, onWritten }) {
  const library = useLibrary();
  const isNew = !webhook.id;
  const kinds = usePolled(loadKinds, 0);
  const [form, setForm] = useState({
    address: "",
    description: "",
    kinds: [],
    namespaces: [],
    folder: null,
    ...webhook,
  });
  const [failure, setFailure] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const set = (fields) => setForm((before) => ({ ...before, ...fields }));
  const toggle = (name, value) =>
    set({ [name]: form[name].includes(value) ? form[name].filter((one) => one !== value) : [...form[name], value] });
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    const { address, description, folder } = form;
    const json = { address, description, kinds: form.kinds, namespaces: form.namespaces, folder };
    try {
      const { data } = await (isNew
        ? request("POST", "webhooks", { json })
        : request("PATCH", `webhooks/${webhook.id}`, { json }));
      onWritten(data[0]);
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };
  const namespaces = [...new Set([...library.state.about.namespaces, ...form.namespaces])];
  const choices = (name, values, label) => html`<fieldset>
    <legend>${t(`webhooks.${name}`)}</legend>
    ${values.map(
      (value) => html`<label class="check" key=${value}>
        <input type="checkbox" checked=${form[name].includes(value)} onChange=${() => toggle(name, value)} />${label(value)}
      </label>`,
    )}
    <small>${t(`webhooks.${name}.about`)}</small>
  </fieldset>`;
  return html`<${Box} title=${t(isNew ? "webhooks.add" : "webhooks.edit")} isWide isBusy=${isBusy} onClose=${onClose}>
    <form class="form" onSubmit=${submit}>
      <div class="field">
        <label for="hook-address">${t("webhooks.address")}</label>
        <input
          id="hook-address"
          type="url"
          required
          maxlength="2000"
          placeholder="https://…"
          autocomplete="off"
          value=${form.address}
          onInput=${(event) => set({ address: event.target.value.trim() })}
        />
      </div>
      <div class="field">
        <label for="hook-description">${t("webhooks.description")}</label>
        <input id="hook-description" maxlength="200" value=${form.description} onInput=${(event) => set({ description: event.target.value })} />
      </div>
      <${Found} found=${kinds}>${(known) => choices("kinds", known, (kind) => named("event", kind))}<//>
      ${choices("namespaces", namespaces, (namespace) => namespace)}
      <div class="field">
        <label for="hook-folder">${t("webhooks.folder")}</label>
        <input
          id="hook-folder"
          placeholder="/DEV/shop"
          aria-describedby="hook-folder-about"
          value=${form.folder ?? ""}
          onInput=${(event) => set({ folder: event.target.value.trim() || null })}
        />
        <small id="hook-folder-about">${t("webhooks.folder.about")}</small>
      </div>
      ${failure && html`<${Trouble} failure=${failure} />`}
      <div class="answers">
        <button class="button" type="button" onClick=${onClose}>${t("cancel")}</button>
        <button class="button primary" disabled=${isBusy}>${t("save")}</button>
      </div>
    </form>
  <//>`;
}
