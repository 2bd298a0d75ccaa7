// A form that is made of what the API says of arguments: a JSON schema.
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { named } from "./job.js";

// Return the arguments of a schema: [{name, type, choices, ...}]. What may be null may be left empty.
export function fieldsOf(schema) {
  const required = schema.required ?? [];
  return Object.entries(schema.properties ?? {}).map(([name, given]) => {
    const shape = { ...given, ...(given.anyOf?.find((one) => one.type !== "null") ?? {}) };
    const type = shape.enum ? "choice" : ["boolean", "number", "integer"].includes(shape.type) ? shape.type : "string";
    return {
      name,
      type,
      choices: shape.enum ?? [],
      least: shape.minimum,
      most: shape.maximum,
      longest: shape.maxLength,
      pattern: shape.pattern,
      isRequired: required.includes(name),
      standard: given.default ?? null,
      about: given.description ?? "",
    };
  });
}

// Return what is sent: only what somebody has chosen, each as its schema wants it.
export function argumentsOf(fields, values) {
  const sent = {};
  for (const { name, type, standard } of fields) {
    const value = values[name];
    if (value === undefined || value === "" || value === standard) continue;
    sent[name] = type === "number" || type === "integer" ? Number(value) : value;
  }
  return sent;
}

export function useArguments(schema) {
  const fields = fieldsOf(schema);
  const [values, setValues] = useState({});
  const set = (name, value) => setValues((before) => ({ ...before, [name]: value }));
  return { fields, values, set, sent: argumentsOf(fields, values) };
}

export function Arguments({ form, without = [] }) {
  const { fields, values, set } = form;
  return html`<div class="form">
    ${fields
      .filter(({ name }) => !without.includes(name))
      .map((field) => html`<${Field} key=${field.name} field=${field} value=${values[field.name]} onValue=${(value) => set(field.name, value)} />`)}
  </div>`;
}

function Field({ field, value, onValue }) {
  const { name, type, choices, least, most, longest, pattern, isRequired, about, standard } = field;
  const id = `arg-${name}`;
  const described = { id, "aria-describedby": `${id}-about` };
  const label = named("arg", name);
  const typed = (event) => onValue(event.target.value);
  if (type === "boolean") {
    return html`<div class="field">
      <label class="check"><input type="checkbox" ...${described} checked=${value ?? standard} onChange=${(event) => onValue(event.target.checked)} />${label}</label>
      <small id=${`${id}-about`} lang="en">${about}</small>
    </div>`;
  }
  const control =
    type === "choice"
      ? html`<select ...${described} onChange=${typed}>
          ${!isRequired && html`<option value="">${t("manage.default")}</option>`}
          ${choices.map((choice) => html`<option value=${choice} selected=${choice === value}>${choice}</option>`)}
        </select>`
      : html`<input
          ...${described}
          type=${type === "string" ? "text" : "number"}
          step=${type === "number" ? "any" : undefined}
          min=${least}
          max=${most}
          maxlength=${longest}
          pattern=${pattern}
          required=${isRequired}
          autocomplete="off"
          placeholder=${standard === null || standard === "" ? undefined : String(standard)}
          value=${value ?? ""}
          onInput=${typed}
        />`;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${control}
    <small id=${`${id}-about`} lang="en">${about}</small>
  </div>`;
}
