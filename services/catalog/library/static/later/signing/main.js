// Signed addresses in what is copied, and for how long they are good.
import { useEffect, useRef, useState } from "preact/hooks";
import { request } from "../../api.js";
import { html } from "../../html.js";
import { date, explained, t } from "../../texts.js";
import { Icon } from "../../views/icons.js";
import { CopyRow, Text } from "../copied.js";

const SECONDS = { none: null, hour: 3600, day: 86400, week: 7 * 86400, month: 30 * 86400 };
const UNITS = { minute: 60, hour: 3600, day: 86400 };
const MOST = 10 * 365 * 86400;
const SETTLED = 300;
// A time begins when the text is copied. What was signed so long ago is signed anew then.
const FRESH = 60_000;

// What was chosen last, for the next file.
let last = { choice: "none", count: "2", unit: "day" };

// Whether the sender may have addresses of an entry signed.
export function maySign(library, entry) {
  return library.state.about.signs_addresses && library.may("write", entry.namespace);
}

export function Unsigned({ hasKey }) {
  return html`<p class="notice unsigned"><${Icon} name="warn" /><span>${t(hasKey ? "signing.not" : "signing.nokey")}</span></p>`;
}

export function Signed({ entry, write, children }) {
  const [time, setTime] = useState(last);
  const seconds = secondsOf(time);
  const [found, again] = useSigned(entry, write, seconds);
  const set = (changes) => {
    last = { ...time, ...changes };
    setTime(last);
  };
  const text = async () => (found.at && Date.now() - found.at < FRESH ? found.text : ((await again())?.text ?? null));
  return html`
    <${CopyRow} text=${text} disabled=${!found.text}>${children}<//>
    <${Time} time=${time} set=${set} isWrong=${seconds === undefined} />
    <${Text} text=${found.text ?? ""} />
    <p class="quiet until" role="status">${seconds === undefined ? t("signing.wrong") : said(found)}</p>
    ${found.failure && html`<${Failed} failure=${found.failure} again=${again} />`}
  `;
}

function said({ text, ends, failure }) {
  if (failure) return "";
  if (!text) return t("signing.busy");
  return ends ? t("signing.until", { date: date(ends, true) }) : t("signing.endless");
}

// Return the seconds of a choice: null for no end, undefined for a time that is not possible.
function secondsOf({ choice, count, unit }) {
  if (choice !== "own") return SECONDS[choice];
  const seconds = Number(count) * UNITS[unit];
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= MOST ? seconds : undefined;
}

function Time({ time, set, isWrong }) {
  return html`
    <div class="signing">
      <label>
        <span>${t("signing.for")}</span>
        <select onChange=${(event) => set({ choice: event.target.value })}>
          ${[...Object.keys(SECONDS), "own"].map(
            (one) => html`<option value=${one} selected=${one === time.choice}>${t(`signing.for.${one}`)}</option>`,
          )}
        </select>
      </label>
      ${time.choice === "own" &&
      html`
        <input
          type="number"
          min="1"
          inputmode="numeric"
          aria-label=${t("signing.count")}
          aria-invalid=${isWrong}
          value=${time.count}
          onInput=${(event) => set({ count: event.target.value })}
        />
        <select aria-label=${t("signing.unit")} onChange=${(event) => set({ unit: event.target.value })}>
          ${Object.keys(UNITS).map((one) => html`<option value=${one} selected=${one === time.unit}>${t(`signing.unit.${one}`)}</option>`)}
        </select>
      `}
    </div>
  `;
}

function Failed({ failure, again }) {
  const { text, more } = explained(failure);
  return html`
    <p class="notice unsigned" role="alert">
      <${Icon} name="warn" /><span>${text} ${more}</span>
      <button class="button" onClick=${again}>${t("retry")}</button>
    </p>
  `;
}

// Return the text with signed addresses: { text, ends, at }, { failure } or {} while there is none yet; and what signs it
// anew and returns it, null if that fails.
function useSigned(entry, write, seconds) {
  const [found, setFound] = useState({});
  const latest = useRef(0);
  const again = async () => {
    latest.current += 1;
    const number = latest.current;
    let made;
    try {
      made = await signed(entry, write, seconds);
    } catch (failure) {
      made = { failure };
    }
    if (number !== latest.current) return null;
    setFound(made);
    return made.failure ? null : made;
  };
  useEffect(() => {
    setFound({});
    latest.current += 1;
    if (seconds === undefined) return undefined;
    const timer = setTimeout(again, SETTLED);
    return () => clearTimeout(timer);
  }, [entry.uuid, entry.unique_name, write, seconds]);
  return [found, again];
}

async function signed(entry, write, seconds) {
  const plain = new Set();
  write((address) => {
    plain.add(address);
    return address;
  });
  const json = { addresses: [...plain], expires_in: seconds };
  const { data } = await request("POST", `catalog/${entry.uuid}/signatures`, { json });
  const urls = new Map(data.map(({ address, url }) => [address, url]));
  return { text: write((address) => urls.get(address)), ends: data[0].ends_date, at: Date.now() };
}
