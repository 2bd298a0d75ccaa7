// Days of the reader: texts such as "2026-11-30", in the time zone of the browser. Pure.

const MONDAY = 1;
const two = (number) => String(number).padStart(2, "0");
const written = (date) => `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

function numbers(day) {
  return day.split("-").map(Number);
}

// Return the first moment of a day.
export function start(day) {
  const [year, month, number] = numbers(day);
  return new Date(year, month - 1, number);
}

// Return the day of a moment: a Date, or a text of the API.
export function dayOf(moment) {
  return written(new Date(moment));
}

// Return a text as a day, or "" if it is none.
export function dayIn(text) {
  return /^\d{4}-\d\d-\d\d$/.test(text) && dayOf(start(text)) === text ? text : "";
}

// Return a text as a month such as "2026-11", or "".
export function monthIn(text) {
  const month = text.slice(0, 7);
  return dayIn(`${month}-01`) && month;
}

export const monthOf = (day) => day.slice(0, 7);

// Days are counted and not hours: when clocks are changed, a day has 23 or 25 of them.
export function plusDays(day, count) {
  const [year, month, number] = numbers(day);
  return written(new Date(year, month - 1, number + count));
}

// Return the same day of another month, or the last one of that month if it has fewer days.
export function plusMonths(day, count) {
  const [year, month, number] = numbers(day);
  const last = new Date(year, month + count, 0);
  return written(new Date(last.getFullYear(), last.getMonth(), Math.min(number, last.getDate())));
}

// Return on which day weeks begin for a language: 0 is Sunday.
export function firstOfWeek(language) {
  const locale = new Intl.Locale(language);
  const { firstDay } = locale.getWeekInfo?.() ?? locale.weekInfo ?? { firstDay: MONDAY };
  return firstDay % 7;
}

// Return the first day of the week of a day.
export function weekStart(day, first) {
  return plusDays(day, -((start(day).getDay() - first + 7) % 7));
}

// Return the weeks that a month is shown in: lists of seven days.
export function weeksOf(month, first) {
  const weeks = [];
  for (let day = weekStart(`${month}-01`, first); monthOf(day) <= month; day = plusDays(day, 7)) {
    weeks.push([0, 1, 2, 3, 4, 5, 6].map((count) => plusDays(day, count)));
  }
  return weeks;
}

// Return all days from one to another, which does not belong to them.
export function between(from, to) {
  const days = [];
  for (let day = from; day < to; day = plusDays(day, 1)) days.push(day);
  return days;
}

// Return a moment at the same time of another day, as the API has it.
export function onDay(moment, day) {
  const [year, month, number] = numbers(day);
  const date = new Date(moment);
  date.setFullYear(year, month - 1, number);
  return date.toISOString();
}

// Return the day to which a key leads in a grid of weeks, or "" for another key.
export function moved(key, day, first, isFar) {
  const week = weekStart(day, first);
  const to = {
    ArrowLeft: () => plusDays(day, -1),
    ArrowRight: () => plusDays(day, 1),
    ArrowUp: () => plusDays(day, -7),
    ArrowDown: () => plusDays(day, 7),
    Home: () => week,
    End: () => plusDays(week, 6),
    PageUp: () => plusMonths(day, isFar ? -12 : -1),
    PageDown: () => plusMonths(day, isFar ? 12 : 1),
  };
  return key in to ? to[key]() : "";
}
