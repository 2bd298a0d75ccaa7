// How a change comes to the nodes of the gateway, as it happens.
import { useEffect, useState } from "preact/hooks";
import { read } from "../../api.js";
import { html } from "../../html.js";
import { date, t } from "../../texts.js";
import { Icon } from "../../views/icons.js";
import { numbered } from "./names.js";

const AGAIN = 700;
const AGAIN_MAX = 10000;

export function Purge({ change }) {
  const [nodes, setNodes] = useState(null);
  const [isUnknown, setUnknown] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const look = async () => {
      for (let wait = AGAIN; !stop.signal.aborted; wait = Math.min(AGAIN_MAX, wait * 1.3)) {
        try {
          const { data } = await read("nodes", { query: new URLSearchParams({ change }), signal: stop.signal }, 1);
          if (stop.signal.aborted) return;
          setNodes(data);
          setUnknown(false);
          if (data.every((node) => node.has_change)) return;
        } catch {
          if (stop.signal.aborted) return;
          setUnknown(true);
        }
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    };
    look();
    return () => stop.abort();
  }, []);
  const fresh = nodes?.filter((node) => node.has_change).length ?? 0;
  return html`
    <p class="purge" role="status">
      ${nodes && t(fresh === nodes.length ? "made.fresh" : "made.fresh.part", { fresh, count: nodes.length })}
      ${isUnknown && t("made.unknown")}
    </p>
    ${nodes &&
    html`<ul class="nodes">${numbered(nodes).map(([node, number]) => html`<${Step} key=${node.node} node=${node} number=${number} />`)}</ul>`}
  `;
}

// Return in one line which node has a change, after how long; "" if that is not known.
export async function told(change) {
  try {
    const { data } = await read("nodes", { query: new URLSearchParams({ change }) }, 1);
    return numbered(data)
      .map(([node, number]) => `${nameOf(node, number)} ${said(node, stateOf(node))}`)
      .join(" · ");
  } catch {
    return "";
  }
}

const nameOf = (node, number) => t(number ? `made.${node.tier}.number` : `made.${node.tier}`, { number });

const stateOf = (node) => (node.has_change ? "fresh" : node.away_since ? "away" : "late");

function Step({ node, number }) {
  const state = stateOf(node);
  const icon = { fresh: "check", away: "warn", late: "clock" }[state];
  return html`<li class=${state}>
    <${Icon} name=${icon} size=${18} />
    <div>
      <b>${nameOf(node, number)}</b> ${said(node, state)}
      ${state === "away" && html`<small>${t(`made.away.${node.tier}`)}</small>`}
    </div>
  </li>`;
}

function said(node, state) {
  if (state === "away") return t("made.away", { date: date(node.away_since, true) });
  if (state === "late") return t("made.late");
  return node.seconds === null ? "" : t("made.after", { milliseconds: Math.max(1, Math.round(node.seconds * 1000)) });
}
