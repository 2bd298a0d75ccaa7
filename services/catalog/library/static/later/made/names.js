// The names of forms and of nodes. Pure.

const ADDRESS = /^\/assets\/media\/(?:optimise\/([^/]+)|(\w+))\/[^?]*?(?:\.(\w+))?(?:\?(.*))?$/;

// Return what a canonical address stands for: its kind, and the words of a form that was asked for.
export function named(address) {
  const [, wanted, kind, extension, query] = ADDRESS.exec(address) ?? [];
  if (wanted === undefined) return { kind: kind ?? "page", words: "" };
  const words = [wanted, ...(query ? query.split("&") : []), extension];
  return { kind: "optimise", words: words.filter(Boolean).join(" · ") };
}

// Number the nodes of each tier, as people name them; a tier of one node needs no number.
export function numbered(nodes) {
  const counts = {};
  for (const { tier } of nodes) counts[tier] = (counts[tier] ?? 0) + 1;
  const seen = {};
  return nodes.map((node) => {
    seen[node.tier] = (seen[node.tier] ?? 0) + 1;
    return [node, counts[node.tier] > 1 ? seen[node.tier] : 0];
  });
}
