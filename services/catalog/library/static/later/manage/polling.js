// Looking again and again: only while somebody sees the page, and never more often than every two seconds.
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure, read, request, session } from "../../api.js";
import { useLibraryState } from "../../views/context.js";

const SHORTEST = 2000;
const FIRST = 700;

// Load something, and again after so many seconds (0 for not again; a function gets what is there). What is there
// stays if a later look fails. Returns {data, failure, isLoaded, again}.
export function usePolled(load, seconds, inputs = []) {
  const [found, setFound] = useState({ data: null, failure: null, isLoaded: false });
  const looking = useRef(() => {});
  // While the page asks for another token, it asks for nothing else.
  const isIn = useLibraryState((state) => state.phase === "ready");
  useEffect(() => {
    if (!isIn) return undefined;
    const stop = new AbortController();
    let timer = 0;
    let data = null;
    let turn = 0;
    const look = async () => {
      clearTimeout(timer);
      if (document.hidden) return;
      turn += 1;
      const mine = turn;
      // Somebody has asked again meanwhile: the later answer counts.
      const isLate = () => stop.signal.aborted || mine !== turn;
      try {
        const answer = await load(stop.signal);
        if (isLate()) return;
        data = answer;
        setFound({ data, failure: null, isLoaded: true });
      } catch (failure) {
        if (isLate()) return;
        setFound((before) => ({ ...before, failure, isLoaded: true }));
      }
      const pause = typeof seconds === "function" ? seconds(data) : seconds;
      if (pause) timer = setTimeout(look, Math.max(SHORTEST, pause * 1000));
    };
    const seen = () => {
      if (!document.hidden) look();
    };
    looking.current = look;
    document.addEventListener("visibilitychange", seen);
    look();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [isIn, ...inputs]);
  return { ...found, again: () => looking.current() };
}

export const hasEnded = (job) => ["done", "stopped", "failed", "cancelled"].includes(job.status);

// Ask for a job and follow it to its end; `told` gets it each time that it is looked at. A network that fails for a
// while ends nothing: the job goes on. Raises Failure if it cannot be asked for, or is not known any more.
export async function run(name, given, told, signal) {
  const { data } = await request("POST", `jobs/${name}`, { json: given, signal });
  return follow(data[0], told, signal);
}

export async function follow(asked, told, signal) {
  let job = asked;
  let isOut = false;
  told(job, null);
  for (let pause = FIRST; !hasEnded(job); pause = SHORTEST) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (signal?.aborted) throw new DOMException("", "AbortError");
    if (isOut && !session.token) continue;
    try {
      const { data } = await read(`jobs/${encodeURIComponent(job.id)}`, { signal });
      job = data[0];
      isOut = false;
      told(job, null);
    } catch (error) {
      if (!(error instanceof Failure) || [403, 404].includes(error.status)) throw error;
      isOut = error.status === 401;
      told(job, isOut ? null : error);
    }
  }
  return job;
}
