// What the page says, in the language of the reader.
import { Failure } from "./api.js";
import { keep, recall } from "./kept.js";

export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français" };
const KEPT = "tada.language";

// The folders with texts: those of the page, and those of the parts that have been loaded.
const folders = new Set(["messages"]);
let messages = {};
let numbers = new Intl.NumberFormat("en");
let plurals = new Intl.PluralRules("en");
export let language = "en";

// Return the language that was chosen here, or the first one of the browser that there is.
export function preferred() {
  const wanted = [recall("localStorage", KEPT), ...navigator.languages.map((name) => name.slice(0, 2))];
  return wanted.find((name) => name in LANGUAGES) ?? "en";
}

export async function speak(name, isChosen = false) {
  const read = await Promise.all([...folders].map((folder) => import(`./${folder}/${name}.js`)));
  messages = Object.assign({}, ...read.map((module) => module.default));
  language = name;
  numbers = new Intl.NumberFormat(name);
  plurals = new Intl.PluralRules(name);
  document.documentElement.lang = name;
  if (isChosen) keep("localStorage", KEPT, name);
}

// Add the texts of a folder, in this language and in those that are chosen later.
export async function addTexts(folder) {
  const { default: added } = await import(`./${folder}/${language}.js`);
  folders.add(folder);
  messages = { ...messages, ...added };
}

// Return a message; `{name}` in it stands for a value. One with `count` may have a form for one and others.
export function t(key, values = {}) {
  const found = messages[key] ?? key;
  const text = typeof found === "string" ? found : (found[plurals.select(values.count)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? numbers.format(value) : straight(String(value));
  });
}

// Return a text without the characters that turn others around: with them, "exe.jpg" can be a name that ends with "gpj.exe".
export const straight = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");

// Return what to say of an error: what happened and what to do; `more` is what the service said.
export function explained(error) {
  if (!(error instanceof Failure)) return { text: t("error.unknown"), more: error?.message ?? "" };
  const known = [`error.${error.code}`, `error.${error.status}`].find((key) => key in messages);
  const more = error.status === 401 ? "" : (known ? [error.hint] : [error.message, error.hint]).filter(Boolean).join(" ");
  return { text: t(known ?? (error.status >= 500 ? "error.500" : "error.unknown")), more };
}

const sizes = new Map();

export function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = count < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** step;
  const digits = step > 0 && value < 10 ? 1 : 0;
  const style = { style: "unit", unit: units[step], unitDisplay: step ? "short" : "long", maximumFractionDigits: digits };
  const name = `${language} ${step} ${digits}`;
  if (!sizes.has(name)) sizes.set(name, new Intl.NumberFormat(language, style));
  return sizes.get(name).format(value);
}

// Dates are written as in the country of the reader, if that has the language of the page.
export const place = () => navigator.languages.find((name) => name.startsWith(language)) ?? language;

export function date(text, withTime = false) {
  if (!text) return "";
  const style = withTime ? { dateStyle: "medium", timeStyle: "short" } : { dateStyle: "medium" };
  return new Intl.DateTimeFormat(place(), style).format(new Date(text));
}
