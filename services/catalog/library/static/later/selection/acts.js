// What can be done with a selection. Each act is a work that can be stopped and undone.
import { read, request, ROOT } from "../../api.js";
import { t } from "../../texts.js";
import { fileOf, searchOf } from "./chosen.js";
import { run, Skipped, Work } from "./work.js";

// Up to so many files of a search are listed first: then each failure has a name, and it can be undone. What is done
// with more, the service does at once.
export const LISTED_MAX = 5000;
// So many files can be listed if single ones of a search are left out.
const LEFT_OUT_MAX = 20000;
const PAGE = 500;
const SHOWN_MAX = 60;
const DELETED_AT_ONCE = 50;
const CHANGED_AT_ONCE = 100;

// Return how many files the service would act on: also those that are not loaded.
export async function countOf(library, chosen) {
  if (!chosen.isAll) return chosen.files.size;
  const json = { action: "delete", search: searchOf(chosen.key), dry_run: true };
  const { count } = await request("POST", "catalog/actions", { json });
  return Math.max(0, count - chosen.except.size);
}

// Whether all of it is done by the service at once: it cannot be stopped or undone here.
export function isLarge(chosen, count) {
  return chosen.isAll && count > LISTED_MAX && chosen.except.size === 0;
}

// Return the selected files that may be changed; those that may not are noted as failures.
async function filesOf(work, chosen) {
  const { library } = work;
  const found = chosen.isAll ? await listed(work, chosen) : [...chosen.files.values()].map((file) => fresh(library, file));
  const allowed = found.filter((file) => library.may("write", file.namespace));
  const refused = found.filter((file) => !library.may("write", file.namespace));
  refused.forEach((file) => work.fail(file, t("selection.forbidden", { name: file.namespace })));
  work.note({ total: found.length });
  return allowed;
}

// What the page shows of a file is newer than what was selected.
function fresh({ state: { listing } }, file) {
  const entry = listing?.at(listing.indexOf(file.uuid));
  return entry ? fileOf(entry) : file;
}

async function listed(work, chosen) {
  const files = [];
  const search = new URLSearchParams(chosen.key);
  // In this order, what is found stays in its place while it is changed.
  search.append("sort", "uploaded_date");
  search.append("limit", PAGE);
  for (let cursor = ""; cursor !== null && !work.isStopped; ) {
    if (cursor) search.set("cursor", cursor);
    const answer = await work.ask(() => read("catalog/search", { query: search }));
    files.push(...answer.data.filter(({ uuid }) => !chosen.except.has(uuid)).map(fileOf));
    if (files.length > LEFT_OUT_MAX) throw new Error(t("selection.toomany", { count: LEFT_OUT_MAX }));
    cursor = answer.cursor;
  }
  return files;
}

// Change

// `fields` as PATCH /catalog/search takes them; `inverse(library, files, fields)` undoes it for those that were changed.
export function change(library, chosen, count, title, fields, inverse) {
  return run(new Work(library, title, count), async (work) => {
    if (isLarge(chosen, count)) await atOnce(work, { action: "change", search: searchOf(chosen.key), fields, confirm: count });
    else {
      const files = await filesOf(work, chosen);
      const changed = [];
      await work.inBatches(files, CHANGED_AT_ONCE, async (part) => {
        changed.push(...(await changeSome(work, part, fields)));
        if (changed.length) work.undo = () => inverse(library, changed, fields);
      });
      await show(library, changed);
    }
  });
}

async function changeSome(work, files, fields) {
  const uuids = files.map(({ uuid }) => uuid);
  const result = await work.act({ action: "change", uuids, fields });
  const failed = told(work, files, result);
  return files.filter((file) => !failed.has(file.unique_name));
}

// Note what a job has not done; return the names of these files.
function told(work, files, result) {
  const failed = new Set();
  for (const { unique_name: name, reason } of [...result.skipped, ...result.failed]) {
    failed.add(name);
    work.fail(name, reason === "It is gone." ? t("selection.gone") : reason);
  }
  for (const file of files.filter(({ uuid }) => result.unknown.includes(uuid))) {
    failed.add(file.unique_name);
    work.fail(file, t("selection.gone"));
  }
  return failed;
}

async function atOnce(work, json) {
  work.note({ isLarge: true });
  const result = await work.act(json, ({ done_count: done }) => work.note({ done }));
  told(work, [], result);
  const unnamed = result.skipped_count + result.failed_count - result.skipped.length - result.failed.length;
  if (unnamed) work.fail(t("selection.more", { count: unnamed }), t("selection.more.why"));
  work.note({ done: result.done_count });
}

// Take away the tags that were not there, and give back those that were.
export function untag(library, files, { add_tags: added = [], remove_tags: removed = [] }) {
  const groups = new Map();
  for (const file of files) {
    const fields = { remove_tags: added.filter((tag) => !file.tags.includes(tag)), add_tags: removed.filter((tag) => file.tags.includes(tag)) };
    if (!fields.remove_tags.length && !fields.add_tags.length) continue;
    const key = JSON.stringify(fields);
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  const all = [...groups.values()].flat();
  return run(new Work(library, t("selection.undone.change", { count: all.length }), all.length), async (work) => {
    for (const [key, part] of groups) {
      await work.inBatches(part, CHANGED_AT_ONCE, (some) => changeSome(work, some, JSON.parse(key)));
    }
    await show(library, all);
  });
}

// Give fields the values that they had, unless somebody has changed them since.
export function unset(library, files, fields) {
  const names = Object.keys(fields);
  return run(new Work(library, t("selection.undone.change", { count: files.length }), files.length), async (work) => {
    await work.forEach(files, async (file) => {
      const { data } = await work.ask(() => read(`catalog/${file.uuid}`));
      if (names.some((name) => !isSame(name, data[0][name], fields[name]))) throw new Skipped(t("selection.changed"));
      const json = Object.fromEntries(names.map((name) => [name, file[name]]));
      await work.ask(() => request("PATCH", `catalog/${file.uuid}`, { json }));
    });
    await show(library, files);
  });
}

function isSame(name, one, other) {
  const plain = (value) => (name.endsWith("_date") && value ? Date.parse(value) : value || null);
  return plain(one) === plain(other);
}

// Delete

export function remove(library, chosen, count) {
  const title = t("selection.deleted", { count });
  return run(new Work(library, title, count), async (work) => {
    let gone = [];
    if (isLarge(chosen, count)) await atOnce(work, { action: "delete", search: searchOf(chosen.key), confirm: count });
    else {
      const trashed = [];
      const files = await filesOf(work, chosen);
      await work.inBatches(files, DELETED_AT_ONCE, async (part) => {
        trashed.push(...(await deleteSome(work, part)));
        if (trashed.length) work.undo = () => restore(library, trashed);
        gone = gone.concat(part.map(({ uuid }) => uuid));
      });
    }
    // Meanwhile, somebody may have selected others.
    const { selection } = library.state;
    const isDone = selection === chosen && !work.isStopped;
    library.store.set({ selection: isDone ? null : (selection?.without(gone) ?? null) });
    await show(library, []);
  });
}

// Return what is in the trash then: [{id, unique_name}].
async function deleteSome(work, files) {
  const json = [...Map.groupBy(files, ({ namespace }) => namespace)].map(([namespace, some]) => ({
    namespace,
    uuids: some.map(({ uuid }) => uuid),
  }));
  const names = new Map(files.map((file) => [file.uuid, file]));
  let tries = 0;
  let answer;
  try {
    answer = await work.ask(() => {
      tries += 1;
      return request("DELETE", "files", { json });
    });
  } catch (error) {
    if (!error.problems?.some(({ uuid }) => uuid)) throw error;
    answer = { data: [], problems: error.problems };
  }
  for (const problem of answer.problems) {
    // If an answer was lost, these are the ones that it was about.
    if (tries > 1 && problem.code === "not_found") continue;
    work.fail(names.get(problem.uuid) ?? problem.uuid, problem.code === "not_found" ? t("selection.gone") : problem.message);
  }
  answer.data.forEach(({ uuid }) => work.library.noteGone(uuid));
  return answer.data.filter(({ trash }) => trash).map(({ trash, unique_name }) => ({ id: trash.id, unique_name }));
}

function restore(library, trashed) {
  return run(new Work(library, t("selection.restored", { count: trashed.length }), trashed.length), async (work) => {
    await work.forEach(trashed, ({ id }) => work.ask(() => request("POST", `catalog/trash/${id}/restore`)));
    await library.refresh();
  });
}

// Move

// Move files to a folder of a namespace; `rename` says what is done if a name is taken there.
export function move(library, chosen, count, folder, rename) {
  return run(new Work(library, t("selection.moved", { count, name: folder }), count), async (work) => {
    await moveSome(work, await filesOf(work, chosen), folder, rename);
  });
}

async function moveSome(work, files, folder, rename) {
  const { library } = work;
  const [, namespace, ...below] = folder.split("/");
  const [destination, moved, taken] = [below.join("/"), [], []];
  const ours = files.filter((file) => file.namespace === namespace);
  const others = files.filter((file) => file.namespace !== namespace);
  others.forEach((file) => work.fail(file, t("selection.elsewhere", { name: file.namespace })));
  await work.forEach(ours, async (file) => {
    try {
      const entry = await moveOne(work, file, destination, rename);
      if (entry.unique_name === file.unique_name) return;
      moved.push({ file, entry });
      work.undo = () => moveBack(library, moved);
    } catch (error) {
      if (error.code === "already_exists") taken.push(file);
      throw error;
    }
  });
  if (taken.length) {
    const act = () => {
      const title = t("selection.moved", { count: taken.length, name: folder });
      run(new Work(library, title, taken.length), (again) => moveSome(again, taken, folder, true));
    };
    work.offer = { label: t("selection.rename.these", { count: taken.length }), act };
  }
  const left = library.state.selection?.without(moved.map(({ file }) => file.uuid)) ?? null;
  library.store.set({ selection: moved.length ? left : library.state.selection });
  await show(library, files);
}

const RENAMED_MAX = 50;

// Move a file, under another name if the name is taken and `rename` says so; return its entry.
async function moveOne(work, file, destination, rename) {
  const stem = file.filename.replace(/\.[^.]*$/, "");
  for (let number = 1; ; number++) {
    const json = number === 1 ? { destination } : { destination, filename: `${stem}-${number}` };
    try {
      const { data } = await work.ask(() => request("PATCH", `file/${file.uuid}`, { json }));
      return data[0];
    } catch (error) {
      if (error.code !== "already_exists" || !rename || number >= RENAMED_MAX) throw error;
    }
  }
}

function moveBack(library, moved) {
  return run(new Work(library, t("selection.undone.move", { count: moved.length }), moved.length), async (work) => {
    const files = moved.map(({ file, entry }) => ({ ...file, now: entry.uuid }));
    await work.forEach(files, (file) => {
      const [, , ...below] = file.unique_name.split("/");
      const filename = below.pop().replace(/\.[^.]*$/, "");
      const json = { destination: below.join("/"), filename };
      return work.ask(() => request("PATCH", `file/${file.now}`, { json }));
    });
    await library.refresh();
  });
}

// Download

// Have the browser save a ZIP. It is made while it is sent.
export async function download(library, chosen) {
  const json = chosen.isAll && !chosen.except.size ? { search: searchOf(chosen.key) } : { uuids: await uuidsOf(library, chosen) };
  const { data, not_found: unknown } = await request("POST", "catalog/archives", { json });
  const [{ url, count }] = data;
  // The address begins with any prefix, which the page knows as where it is.
  const link = Object.assign(document.createElement("a"), { href: new URL(`catalog/archives${new URL(url, ROOT).search}`, ROOT).href, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
  const more = unknown.length ? t("selection.download.gone", { count: unknown.length }) : "";
  library.say(t("selection.downloading", { count }), { more });
}

async function uuidsOf(library, chosen) {
  if (!chosen.isAll) return [...chosen.files.keys()];
  return (await listed(new Work(library, "", 0), chosen)).map(({ uuid }) => uuid);
}

// Show what has become of files. At the beginning, all is read anew; elsewhere that would move what the reader looks at.
async function show(library, files) {
  if (library.isAtTop) return library.refresh();
  library.loadFolders("/");
  const { listing } = library.state;
  const seen = files.filter(({ uuid }) => listing.indexOf(uuid) >= 0);
  if (seen.length > SHOWN_MAX) library.store.set({ hasNews: true });
  await Promise.all(
    seen.slice(0, SHOWN_MAX).map(async ({ uuid }) => {
      try {
        const { data } = await read(`catalog/${uuid}`);
        if (data[0].uuid === uuid) library.noteEntry(data[0]);
        else library.noteGone(uuid);
      } catch (error) {
        if (error.status === 404) library.noteGone(uuid);
      }
    }),
  );
}
