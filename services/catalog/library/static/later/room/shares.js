// What namespaces have as parts of a whole. Pure.

const NEARLY = 90;

// Return namespaces, that with the most bytes first.
export function ordered(namespaces) {
  const total = (one) => one.bytes + one.retired_bytes;
  return [...namespaces].sort((a, b) => total(b) - total(a) || (a.namespace < b.namespace ? -1 : 1));
}

// Return how long the parts of a bar are, in percent: of the quota or, without one, of what the largest namespace has.
// `percent` is what is used of the quota.
export function shares(one, largest) {
  const total = one.bytes + one.retired_bytes;
  const whole = Math.max(one.quota_bytes ?? largest, total, 1);
  const used = [
    [total, one.quota_bytes],
    [one.assets, one.quota_assets],
  ].map(([has, most]) => (most === null ? 0 : most === 0 ? 100 : (has / most) * 100));
  return {
    now: (one.bytes / whole) * 100,
    retired: (one.retired_bytes / whole) * 100,
    percent: Math.floor(used[0]),
    isFull: Math.max(...used) >= 100,
    isNearlyFull: Math.max(...used) >= NEARLY,
  };
}
