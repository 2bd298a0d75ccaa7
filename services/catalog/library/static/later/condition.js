// An entry is changed only as it was read: who is faster between a look and a write is looked at, too.
const TRIES = 3;

// Return the headers of a change that is written only if the entry still has this ETag. A gateway that compresses marks it
// as weak, and a weak one matches nothing.
const asRead = (etag) => (etag ? { "If-Match": etag.replace(/^W\//, "") } : {});

// Look and write: `attempt(asRead)` does both. It is done again if somebody was faster.
export async function lookAndWrite(attempt, tries = TRIES) {
  try {
    return await attempt(asRead);
  } catch (error) {
    if (error.status !== 412 || tries === 1) throw error;
    return lookAndWrite(attempt, tries - 1);
  }
}
