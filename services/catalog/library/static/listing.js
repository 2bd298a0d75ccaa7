// The entries that a search finds, as far as they are needed: pages that follow each other by cursors.
//
// Pages far from what is seen are dropped, and asked for again by their cursors. So memory does not grow with what was
// seen. A page may have fewer entries than were asked for.

const FIRST = 100;
const NEXT = 200;
const FAR = 500;
const KEPT = 1500;

export class Listing {
  #pages = [];
  #next;
  #wanted = { first: 0, last: FIRST };
  #working = false;
  #stop = new AbortController();

  // `load({limit, cursor, signal})` answers as GET /catalog/search; `tell()` is called after each change.
  constructor(load, tell) {
    Object.assign(this, { load, tell, total: 0, exact: true, failure: null, isLoaded: false });
  }

  get end() {
    const last = this.#pages.at(-1);
    return last ? last.start + last.count : 0;
  }

  // The number of entries, as far as it is known.
  get count() {
    return this.#next === null ? this.end : Math.max(this.total, this.end + (this.isLoaded ? 1 : 0));
  }

  // Return an entry, or undefined while it is not there.
  at(index) {
    const page = this.#pages[this.#pageOf(index)];
    return page?.entries?.[index - page.start];
  }

  // Return the index of an entry that is in memory, or -1.
  indexOf(uuid) {
    for (const page of this.#pages) {
      const at = page.entries?.findIndex((entry) => entry.uuid === uuid) ?? -1;
      if (at >= 0) return page.start + at;
    }
    return -1;
  }

  // Return the entries [first, last), also those that are not in memory.
  async range(first, last) {
    const found = [];
    const add = (entries, start) => found.push(...entries.slice(Math.max(0, first - start), Math.max(0, last - start)));
    for (const { start, count, cursor, entries } of [...this.#pages]) {
      if (start < last && start + count > first) add(entries ?? (await this.#ask(count, cursor)).data, start);
    }
    for (let [end, cursor] = [this.end, this.#next]; end < last && cursor; ) {
      const answer = await this.#ask(FAR, cursor);
      add(answer.data, end);
      end += answer.data.length;
      cursor = answer.cursor;
    }
    return found;
  }

  // Have the entries [first, last) loaded.
  need(first, last) {
    this.#wanted = { first, last };
    if (!this.failure) return this.#work();
  }

  retry() {
    this.failure = null;
    return this.#work();
  }

  // Show a changed entry.
  replace(entry) {
    const index = this.indexOf(entry.uuid);
    if (index < 0) return;
    const page = this.#pages[this.#pageOf(index)];
    page.entries = page.entries.with(index - page.start, entry);
    this.tell();
  }

  // Leave out an entry that is gone.
  remove(uuid) {
    const index = this.indexOf(uuid);
    if (index < 0) return;
    const at = this.#pageOf(index);
    const page = this.#pages[at];
    page.entries = page.entries.filter((entry) => entry.uuid !== uuid);
    page.count -= 1;
    for (const later of this.#pages.slice(at + 1)) later.start -= 1;
    this.total = Math.max(0, this.total - 1);
    this.tell();
  }

  close() {
    this.#stop.abort();
  }

  #pageOf(index) {
    let [low, high] = [0, this.#pages.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#pages[middle].start <= index) low = middle;
      else high = middle - 1;
    }
    const page = this.#pages[low];
    return page && index >= page.start && index < page.start + page.count ? low : -1;
  }

  async #work() {
    if (this.#working || this.#stop.signal.aborted) return;
    this.#working = true;
    try {
      while (await this.#step());
    } catch (error) {
      if (error.name !== "AbortError") {
        this.failure = error;
        this.tell();
      }
    } finally {
      this.#working = false;
    }
  }

  // Load one page that is needed; return whether there may be another one.
  async #step() {
    const { first, last } = this.#wanted;
    const dropped = this.#pages.findIndex((page) => !page.entries && page.start < last && page.start + page.count > first);
    if (dropped >= 0) {
      const page = this.#pages[dropped];
      const answer = await this.#ask(page.count, page.cursor);
      page.entries = answer.data;
      if (answer.data.length !== page.count) this.#cut(dropped, answer);
    } else if (this.#next === null || last <= this.end) {
      return false;
    } else {
      const distance = first - this.end;
      const cursor = this.#next;
      const answer = await this.#ask(cursor === undefined ? FIRST : distance > FAR ? FAR : NEXT, cursor);
      this.#pages.push({ start: this.end, count: answer.data.length, cursor, entries: answer.data });
      this.#next = answer.cursor;
      this.total = answer.total;
      this.exact = answer.total_exact;
    }
    this.isLoaded = true;
    this.#drop();
    this.tell();
    return true;
  }

  async #ask(limit, cursor) {
    const answer = await this.load({ limit: Math.max(1, limit), cursor, signal: this.#stop.signal });
    this.#stop.signal.throwIfAborted();
    return answer;
  }

  // What follows a page that has another length now is found anew.
  #cut(at, answer) {
    this.#pages[at].count = answer.data.length;
    this.#pages.length = at + 1;
    this.#next = answer.cursor;
  }

  #drop() {
    const { first, last } = this.#wanted;
    for (const page of this.#pages) {
      if (page.start + page.count < first - KEPT || page.start > last + KEPT) page.entries = null;
    }
  }
}
