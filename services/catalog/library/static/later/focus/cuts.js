// What presets and common ratios show of a picture: computed here while the point is moved, and as it is delivered
// when it is saved.
import { useEffect, useState } from "preact/hooks";
import { formAddress, kindOf } from "../../assets.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary } from "../../views/context.js";
import { largest, ratioOf, RATIOS } from "./crop.js";
import { cuts, fit, planOf } from "./cut.js";

const ROOM = { width: 148, height: 128 };

export function Cuts({ entry, point, src, isLive, onOutline, onCrop }) {
  const library = useLibrary();
  const plans = Object.entries(library.state.about.presets)
    .map(([name, text]) => ({ name, plan: planOf(text) }))
    .filter(({ plan }) => plan);
  const cut = plans.filter(({ plan }) => plan.by !== "none");
  const whole = plans.filter(({ plan }) => plan.by === "none").map(({ name }) => name);
  const common = { entry, src, point, onOutline };
  return html`
    ${cut.length > 0 &&
    html`<section>
      <h3>${t("focus.presets")}</h3>
      <ul class="cuts">
        ${cut.map(({ name, plan }) => html`<${Cut} key=${name} ...${common} name=${name} preset=${name} plan=${plan} isLive=${isLive} />`)}
      </ul>
    </section>`}
    ${whole.length > 0 && html`<p class="quiet">${t("focus.presets.whole", { names: whole.join(", ") })}</p>`}
    <section>
      <h3>${t("focus.ratios")}</h3>
      <ul class="cuts">
        ${RATIOS.map((ratio) => {
          const plan = { ...largest(entry, ratioOf(ratio)), fit: "cover", focus: null, by: "focus" };
          return html`<${Cut} key=${ratio} ...${common} name=${ratio} plan=${plan} isLive onCrop=${() => onCrop(ratio)} />`;
        })}
      </ul>
    </section>
  `;
}

// One cut: `preset` is its name if it is one, and is then shown as it is delivered, unless it is moved just now.
function Cut({ entry, src, point, name, plan, preset = "", isLive, onOutline, onCrop }) {
  const library = useLibrary();
  const [isThere, setThere] = useState(false);
  const focus = plan.by === "focus" ? point : plan.focus;
  const box = fit(entry.width, entry.height, { ...plan, focus }, { enlarge: kindOf(entry) === "svg" });
  const scale = Math.min(ROOM.width / box.cropWidth, ROOM.height / box.cropHeight);
  const px = (value) => `${value * scale}px`;
  const version = new URL(entry.versioned_url).searchParams.get("v") ?? "";
  const address = preset && formAddress(library.assets, preset, entry.unique_name, { v: version });
  const isDelivered = preset !== "" && (plan.by !== "focus" || !isLive);
  useEffect(() => setThere(false), [address]);
  const outline = (isOver) => onOutline(isOver && plan.by !== "smart" ? box : null);
  const said = [
    t("focus.sides", { width: box.cropWidth, height: box.cropHeight }),
    plan.by === "focus" ? !cuts(box) && t("focus.uncut") : t(`focus.by.${plan.by}`),
  ].filter(Boolean);
  const figure = html`
    <span class="part" style=${{ width: px(box.cropWidth), height: px(box.cropHeight) }}>
      ${plan.by !== "smart" &&
      html`<img
        src=${src}
        alt=""
        draggable=${false}
        style=${{ width: px(box.width), height: px(box.height), left: px(-box.left), top: px(-box.top) }}
      />`}
      ${isDelivered &&
      html`<img
        class=${`delivered ${isThere ? "there" : ""}`}
        key=${address}
        src=${address}
        alt=""
        loading="lazy"
        draggable=${false}
        onLoad=${() => setThere(true)}
      />`}
    </span>
    <b>${name}</b>
    <small>${said.join(" · ")}</small>
  `;
  const hover = { onMouseEnter: () => outline(true), onMouseLeave: () => outline(false) };
  return html`<li class=${isDelivered && isThere ? "as-delivered" : ""} data-name=${name} ...${hover}>
    ${onCrop
      ? html`<button onClick=${onCrop} onFocus=${() => outline(true)} onBlur=${() => outline(false)} title=${t("focus.crop.this", { ratio: name })}>${figure}</button>`
      : html`<figure>${figure}</figure>`}
  </li>`;
}
