// A piece of work with many files: how far it is, what has failed and why, and how to undo it.
import { Failure, read, request } from "../../api.js";
import { explained, t } from "../../texts.js";

const AGAIN_AFTER = [1000, 2000, 4000, 8000, 15000];
const LOOK_AFTER = [150, 250, 400, 700, 1000];
const OVERLOADED = [0, 429, 502, 503, 504];

// A file is left as it is; the message says why.
export class Skipped extends Error {}

let last = 0;

export class Work {
  constructor(library, title, total) {
    Object.assign(this, { library, title, total, id: ++last, done: 0, failures: [], status: "running" });
    // `isLarge` says that the service does all of it by one job. `offer` is what can be done about failures.
    Object.assign(this, { isStopped: false, isLarge: false, job: null, problem: "", undo: null, offer: null });
  }

  note(fields = {}) {
    Object.assign(this, fields);
    const { works } = this.library.state;
    const others = works.filter((work) => work !== this);
    this.library.store.set({ works: others.length === works.length ? [this, ...works] : [...works] });
  }

  stop() {
    this.note({ isStopped: true });
    if (this.isLarge && this.job) this.cancel();
  }

  // Have the service stop. If it cannot be reached, the work goes on, and can be stopped again.
  async cancel() {
    try {
      await this.ask(() => request("POST", `jobs/${this.job.id}/cancel`));
    } catch (error) {
      if (error.code === "job_ended") return;
      this.note({ isStopped: false });
      this.library.complain(error);
    }
  }

  fail(file, why) {
    this.failures.push({ name: file.unique_name ?? file, why });
  }

  // Do something with some files after the others, until it is stopped.
  async inBatches(files, size, act) {
    for (let at = 0; at < files.length && !this.isStopped; at += size) {
      const part = files.slice(at, at + size);
      const failed = this.failures.length;
      await act(part);
      this.note({ done: this.done + part.length - (this.failures.length - failed) });
    }
  }

  // Do something with each file, several at a time.
  async forEach(files, act, atOnce = 4) {
    const left = files.values();
    const one = async () => {
      for (const file of left) {
        if (this.isStopped) return;
        try {
          await act(file);
          this.done += 1;
        } catch (error) {
          if (error instanceof Skipped) {
            this.fail(file, error.message);
            continue;
          }
          if (!(error instanceof Failure) || error.status === 401 || OVERLOADED.includes(error.status)) {
            this.isStopped = true; // The others end, too: what has failed changes nothing any more.
            throw error;
          }
          this.fail(file, reasonOf(error));
        }
        this.note();
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: atOnce }, one));
    const broken = ended.find(({ status }) => status === "rejected");
    if (broken) throw broken.reason;
  }

  // Send a request, and try again while the service or the network is away for a moment.
  async ask(send) {
    for (const wait of AGAIN_AFTER) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof Failure) || !OVERLOADED.includes(error.status) || this.isStopped) throw error;
      }
      await pause(wait);
    }
    return send();
  }

  // Have the service carry out an action, and follow its job to its end; return the result.
  async act(json, told = () => {}) {
    const { data, not_found: unknown } = await this.ask(() => request("POST", "catalog/actions", { json }));
    let [job] = data;
    this.job = job;
    if (this.isLarge && this.isStopped) this.cancel();
    for (let look = 0; !job.ended_at; look++) {
      await pause(LOOK_AFTER[Math.min(look, LOOK_AFTER.length - 1)]);
      const answer = await this.ask(() => read(`jobs/${job.id}`));
      [job] = answer.data;
      if (job.result) told(job.result);
    }
    if (this.isLarge && job.status === "done") this.isStopped = false; // It came too late.
    if (job.status === "cancelled") this.isStopped = true; // Perhaps by somebody else.
    else if (job.status !== "done") throw new Error(job.error?.message ?? job.error ?? job.status);
    return { ...job.result, unknown };
  }
}

// Do a work, and say what has become of it.
export async function run(work, step) {
  const { library } = work;
  work.note();
  const stay = (event) => event.preventDefault();
  addEventListener("beforeunload", stay);
  try {
    await step(work);
    work.status = work.isStopped ? "stopped" : "done";
  } catch (error) {
    const { text, more } = explained(error);
    Object.assign(work, { status: "failed", problem: [text, more].filter(Boolean).join(" ") });
  }
  removeEventListener("beforeunload", stay);
  work.note();
  const action = work.undo && { label: t("undo"), act: () => undo(work) };
  const more = t(`selection.is.${work.status}`, { done: work.done, count: work.total });
  library.say(work.title, { more, action });
  return work;
}

export function undo(work) {
  const { undo: step } = work;
  if (!step) return;
  work.note({ undo: null });
  step();
}

export function reasonOf(error) {
  const { text, more } = explained(error);
  return [text, more].filter(Boolean).join(" ");
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
