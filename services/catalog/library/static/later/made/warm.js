// Having forms made before they are asked for.
import { read, request } from "../../api.js";
import { t } from "../../texts.js";

const LOOK_AFTER = 400;
const LOOK_MAX = 4000;

// Have the forms of an entry made, wait until that is done, and return what became of it. Raises Failure.
export async function warm(entry) {
  const { data } = await request("POST", `catalog/${encodeURIComponent(entry.uuid)}/warm`);
  let job = data[0];
  for (let wait = LOOK_AFTER; !job.ended_at; wait = Math.min(LOOK_MAX, wait * 1.5)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    job = (await read(`jobs/${encodeURIComponent(job.id)}`)).data[0];
  }
  return told(job);
}

// Return what to say of such a job that has ended.
export function told(job) {
  if (job.status === "cancelled") return t("made.warm.cancelled");
  const failed = job.result?.failed[0]?.reason ?? job.error?.message;
  return failed ? t("made.warm.failed", { why: failed }) : t("made.warmed", { names: job.result.forms.join(", ") });
}
