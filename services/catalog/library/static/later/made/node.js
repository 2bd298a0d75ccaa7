// A node of the gateway with the copies that it has.
import { html } from "../../html.js";
import { bytes, date, t } from "../../texts.js";
import { Icon } from "../../views/icons.js";
import { named } from "./names.js";

export function Node({ node, number }) {
  const title = t(number ? `made.${node.tier}.number` : `made.${node.tier}`, { number });
  return html`<section class="node">
    <h4>${title} <small>${[node.node, node.counted_since && t("made.since", { date: date(node.counted_since, true) })].filter(Boolean).join(" · ")}</small></h4>
    ${node.forms === null
      ? html`<p class="notice"><${Icon} name="warn" /><span>${t("made.silent")} <small>${node.problem}</small></span></p>`
      : html`<${Forms} title=${title} node=${node} />`}
  </section>`;
}

function Forms({ title, node }) {
  const more = html`<p><small>${t("made.part")}</small></p>`;
  if (node.forms.length === 0) return html`<p class="quiet">${t("made.none")}</p>${!node.complete && more}`;
  const now = Date.now();
  return html`
    <table>
      <caption class="hidden">${title}</caption>
      <thead>
        <tr>
          <th scope="col">${t("made.form")}</th>
          <th scope="col" class="number">${t("made.bytes")}</th>
          <th scope="col" class="number">${t("made.hits")}</th>
        </tr>
      </thead>
      <tbody>
        ${node.forms.map((form) => {
          const isFresh = Date.parse(form.valid_until) > now;
          const { kind, words } = named(form.address);
          return html`<tr key=${form.address}>
            <th scope="row" title=${form.address}>
              ${words || t(`made.kind.${kind}`)}${form.status !== 200 && ` (${form.status})`}
              <small>${t(isFresh ? "made.valid" : "made.over", { date: date(form.valid_until, true) })}</small>
            </th>
            <td class="number">${bytes(form.bytes)}</td>
            <td class="number">${form.hits}</td>
          </tr>`;
        })}
      </tbody>
    </table>
    ${!node.complete && more}
  `;
}
