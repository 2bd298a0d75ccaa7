// How days and months are written, in the language of the reader.
import { place } from "../../texts.js";
import { start } from "./days.js";

const format = (moment, style) => new Intl.DateTimeFormat(place(), style).format(moment);

export const day = (text) => format(start(text), { weekday: "long", day: "numeric", month: "long", year: "numeric" });
export const number = (text) => format(start(text), { day: "numeric" });
export const month = (text) => format(start(`${text}-01`), { month: "long", year: "numeric" });
export const weekday = (text, weekday) => format(start(text), { weekday });
export const time = (moment) => format(new Date(moment), { timeStyle: "short" });
export const dayAndTime = (moment) => format(new Date(moment), { dateStyle: "medium", timeStyle: "short" });
export const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
