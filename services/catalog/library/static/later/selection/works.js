// What has been done with many files while the page is open: progress, what has failed, and undo.
import { useState } from "preact/hooks";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibraryState } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { undo } from "./work.js";

const NAMED_MAX = 500;

export function Works() {
  const works = useLibraryState((state) => state.works);
  const [isSmall, setSmall] = useState(false);
  if (works.length === 0) return null;
  const running = works.filter(({ status }) => status === "running").length;
  const title = running ? t("selection.works.running", { count: running }) : t("selection.works");
  return html`<section class="works" aria-label=${t("selection.works")}>
    <header>
      <h2>${title}</h2>
      <button
        class="button plain"
        aria-expanded=${!isSmall}
        aria-label=${t(isSmall ? "selection.works.show" : "selection.works.hide")}
        onClick=${() => setSmall(!isSmall)}
      ><${Icon} name=${isSmall ? "right" : "down"} /></button>
    </header>
    ${!isSmall && html`<ul>${works.map((work) => html`<${Row} key=${work.id} work=${work} />`)}</ul>`}
  </section>`;
}

function Row({ work }) {
  const { title, status, done, total, failures, problem, offer } = work;
  const isRunning = status === "running";
  return html`<li class=${`work is-${status}`}>
    <div class="what">
      <b>${title}</b>
      <small>${t(`selection.is.${status}`, { done, count: total })}</small>
      ${isRunning && html`<progress max=${Math.max(1, total)} value=${done} aria-label=${title} />`}
      ${problem && html`<small class="problem">${problem}</small>`}
      ${isRunning && work.isLarge && html`<small>${t("selection.large")}</small>`}
      ${failures.length > 0 &&
      html`<details open=${!isRunning}>
        <summary>${t("selection.failures", { count: failures.length })}</summary>
        <ul>
          ${failures.slice(0, NAMED_MAX).map(({ name, why }) => html`<li><b>${name}</b><small>${why}</small></li>`)}
          ${failures.length > NAMED_MAX && html`<li>${t("selection.more", { count: failures.length - NAMED_MAX })}</li>`}
        </ul>
      </details>`}
      <div class="choices">
        ${isRunning && html`<button class="button" disabled=${work.isStopped} onClick=${() => work.stop()}>${t("selection.stop")}</button>`}
        ${!isRunning && work.undo && html`<button class="button" onClick=${() => undo(work)}>${t("undo")}</button>`}
        ${!isRunning &&
        offer &&
        html`<button
          class="button"
          onClick=${() => {
            work.note({ offer: null });
            offer.act();
          }}
        >${offer.label}</button>`}
      </div>
    </div>
  </li>`;
}
