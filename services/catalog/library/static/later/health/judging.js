// What in a status needs somebody. Pure.

export const SERVICES = ["catalog", "transform", "jobs"];
// A change reaches a node within a second, usually.
const LATE_SECONDS = 10;
const QUEUE_SECONDS = 300;
const FULL = 0.95;

// Return what is wrong, as keys of texts with their values; the worst first. `newest` is the number of the last change:
// the moment at which it was made, in microseconds.
export function troubles({ date, processes, nodes, newest, queue }) {
  const found = [];
  const say = (key, values = {}) => found.push({ key: `health.trouble.${key}`, values });
  for (const service of SERVICES) {
    const alive = processes.filter((one) => one.service === service && one.alive);
    if (alive.length === 0) say("none", { name: service });
    else if (!alive.some(({ ready }) => ready)) say("unready", { name: service });
  }
  if (nodes.length === 0) say("nonodes");
  for (const { node, away_since: since, has_change: isCurrent } of nodes) {
    if (since) say("away", { name: node });
    else if (!isCurrent && Date.parse(date) - newest / 1000 > LATE_SECONDS * 1000) say("late", { name: node });
  }
  const isFull = ({ disk_free: free, disk_total: total, alive }) => alive && total !== null && (total - free) / total > FULL;
  if (processes.some(isFull)) say("full");
  if (queue.oldest_date && Date.parse(date) - Date.parse(queue.oldest_date) > QUEUE_SECONDS * 1000) say("queue");
  return found;
}
