"""`tada upload`: what becomes of each file. `tada sync` uses it, too."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tada_client import (
    AlreadyExists,
    Client,
    Entry,
    Fields,
    FileChanged,
    Forbidden,
    Refused,
    Resume,
    TadaError,
    Unauthorized,
    Upload,
    flows,
    names,
    operations,
)
from tada_client.cli.local import LocalFile, State
from tada_client.cli.transfer import Bar, Item, Outage, Report, Workers, failed, timed
from tada_client.models import OnConflict
from tada_client.wire import AT_ONCE, FileSource

Lookup = Callable[[LocalFile], Entry | None]


class Conflict(StrEnum):
    """What to do with a file whose path is taken by another picture. The same picture is never sent."""

    FAIL = "fail"
    SKIP = "skip"
    REPLACE = "replace"
    RENAME = "rename"


@dataclass(frozen=True, slots=True)
class Target:
    namespace: str
    destination: str
    fields: Fields
    to_webp: bool | None = None

    @property
    def folder(self) -> str:
        return names.folder(self.namespace, self.destination)

    def destination_of(self, file: LocalFile) -> str:
        return "/".join(filter(None, (self.destination, file.folder)))

    def paths_of(self, file: LocalFile) -> list[str]:
        """Return the paths that a file may have, the likeliest one first."""
        return names.paths(self.namespace, self.destination_of(file), file.name, self.to_webp)


def clashes(target: Target, files: Sequence[LocalFile]) -> dict[LocalFile, LocalFile]:
    """Return the files that would get the path of another one, each with that one: the first by its name."""
    first: dict[str, LocalFile] = {}
    found = {}
    for file in sorted(files, key=lambda one: one.relative):
        other = first.setdefault(target.paths_of(file)[0], file)
        if other is not file:
            found[file] = other
    return found


def lookup(client: Client, target: Target, files: Sequence[LocalFile]) -> Lookup:
    """Return what finds the entry at the path of a file: in a list of the folder, if that is no longer than it pays."""
    count = client.count(folder=target.folder, recursive=True)
    if count > 1000 + 4 * len(files):
        return lambda file: client.run(
            flows.at_path(target.namespace, target.destination_of(file), file.name, target.to_webp)
        )
    found = client.search(folder=target.folder, recursive=True, sort="name", page=500) if count else ()
    there = {entry.unique_name: entry for entry in found}
    return lambda file: next((there[path] for path in target.paths_of(file) if path in there), None)


class Uploader:
    """Sends files, each unless it is there already."""

    def __init__(
        self,
        client: Client,
        target: Target,
        on_conflict: Conflict,
        state: State,
        find: Lookup,
        resumable_from: int = flows.RESUMABLE_FROM,
    ) -> None:
        self._client, self._target = client, target
        self._on_conflict, self._state, self._find = on_conflict, state, find
        self.resumable_from = resumable_from

    def is_same(self, file: LocalFile, entry: Entry) -> bool:
        """Say whether an entry has the bytes of a file: as was seen before, or by their digest."""
        known = self._state.of(file)
        if known and known.signature == entry.signature and known.uuid == entry.uuid:
            return True
        return file.size == entry.size and flows.digest_of(_source(file)) == entry.signature

    def send(self, file: LocalFile, progress: Callable[[int, int], None]) -> Item:
        entry = self._find(file)
        if entry is None:
            return self._uploaded(file, "skip", progress)
        if self.is_same(file, entry):
            self._state.keep(file, uuid=entry.uuid, signature=entry.signature)
            return Item(file.relative, "same", file.size, entry.unique_name, entry.uuid)
        return self._taken(file, entry, progress)

    def send_together(self, files: Sequence[LocalFile], progress: Callable[[int, int], None]) -> list[Item]:
        """Send small files of one folder: those whose paths are free in one request, which costs least."""
        new = [file for file in files if self._find(file) is None] if len(files) > 1 else []
        items: dict[LocalFile, Item] = {}
        if len(new) > 1:
            try:
                items = self._stored_together(new, progress)
            except (Unauthorized, Forbidden):
                raise
            except Refused:
                pass  # None of them was taken: each is asked why.
        for file in files:
            if file not in items:
                try:
                    items[file] = self.send(file, progress)
                except (Unauthorized, Forbidden):
                    raise
                except (Refused, FileChanged, OSError) as error:
                    items[file] = failed(file.relative, error)
        return [items[file] for file in files]

    def _stored_together(
        self, files: Sequence[LocalFile], progress: Callable[[int, int], None]
    ) -> dict[LocalFile, Item]:
        """Return what became of the files that were taken."""
        target, sources = self._target, [_source(file) for file in files]
        request = operations.upload_many(
            sources,
            target.namespace,
            target.destination_of(files[0]),
            "skip",
            target.fields,
            to_webp=target.to_webp,
            progress=progress,
        )
        items = {}
        for file, upload in zip(files, self._client.run(flows.single(request)), strict=True):
            if isinstance(upload, Upload):
                entry = upload.entry
                self._state.keep(file, uuid=entry.uuid, signature=entry.signature)
                items[file] = Item(file.relative, "stored", file.size, entry.unique_name, entry.uuid)
        return items

    def _taken(self, file: LocalFile, entry: Entry, progress: Callable[[int, int], None]) -> Item:
        """Send a file whose path has an entry that does not look like it."""
        if self._on_conflict is Conflict.RENAME:
            return self._renamed(file, progress)
        # The service knows what this file becomes when its metadata are removed.
        if self._on_conflict is not Conflict.REPLACE or entry.raw.get("original_size") == file.size:
            return self._uploaded(file, "skip", progress)
        return self._replaced(file, entry, progress)

    def _renamed(self, file: LocalFile, progress: Callable[[int, int], None]) -> Item:
        """Store a file under another name, unless its bytes are in that folder already."""
        folder = names.folder(self._target.namespace, self._target.destination_of(file))
        for there in self._client.search(folder=folder, signature=flows.digest_of(_source(file))):
            return Item(file.relative, "same", file.size, there.unique_name, there.uuid)
        return self._uploaded(file, "rename", progress)

    def _replaced(self, file: LocalFile, entry: Entry, progress: Callable[[int, int], None]) -> Item:
        sending = flows.Sending(_source(file), "", "", self._target.fields, progress=progress)
        # The stored bytes may be others than the sent ones, so that a new version is what tells that it was done.
        done = self._client.run(flows.replace(entry, "", sending))
        self._state.keep(file, uuid=done.entry.uuid, signature=done.entry.signature)
        return Item(file.relative, "replaced", file.size, done.entry.unique_name, done.entry.uuid)

    def _uploaded(self, file: LocalFile, on_conflict: OnConflict, progress: Callable[[int, int], None]) -> Item:
        known = self._state.of(file)
        resume = _Kept(self._state, file, known.begun if known else "")
        sending = flows.Sending(
            _source(file),
            self._target.namespace,
            self._target.destination_of(file),
            self._target.fields,
            self._target.to_webp,
            progress,
            self.resumable_from,
        )
        try:
            done = self._client.run(flows.upload(sending, on_conflict, resume))
        except AlreadyExists as taken:
            match self._on_conflict:
                case Conflict.FAIL:
                    raise _another(taken) from None
                case Conflict.SKIP:
                    return Item(file.relative, "kept", file.size, taken.unique_name, taken.uuid)
                case Conflict.RENAME:
                    return self._renamed(file, progress)
            return self._replaced(file, self._client.get(taken.uuid), progress)
        self._state.keep(file, uuid=done.entry.uuid, signature=done.entry.signature)
        outcome = "renamed" if on_conflict == "rename" else "stored"
        return Item(file.relative, outcome, file.size, done.entry.unique_name, done.entry.uuid)  # type: ignore[arg-type]


def _another(taken: AlreadyExists) -> AlreadyExists:
    """Return the error as it is for whoever has given the command."""
    return AlreadyExists(
        f"{taken.unique_name} is another picture.",
        code=taken.code,
        status=taken.status,
        hint="--on-conflict skip, replace or rename says what to do with it.",
        request_id=taken.request_id,
        uuid=taken.uuid,
        unique_name=taken.unique_name,
    )


def _source(file: LocalFile) -> FileSource:
    return FileSource(file.path, file.name, file.size)


class _Kept(Resume):
    """Where a large upload can be found again, also by the next run of the command."""

    def __init__(self, state: State, file: LocalFile, path: str) -> None:
        super().__init__(path)
        self._state, self._file = state, file

    def keep(self, path: str) -> None:
        super().keep(path)
        if path:
            self._state.keep(self._file, begun=path)


_SMALL, _TOGETHER = 1 << 18, 10


def together(files: Sequence[LocalFile]) -> list[list[LocalFile]]:
    """Return the files in groups that are sent together: neighbours in one folder that are small."""
    groups: list[list[LocalFile]] = []
    for file in files:
        last = groups[-1] if groups else []
        fits = len(last) < _TOGETHER and sum(each.size for each in last) + file.size <= AT_ONCE * 3 // 4
        if last and fits and max(file.size, last[0].size) <= _SMALL and last[0].folder == file.folder:
            last.append(file)
        else:
            groups.append([file])
    return groups


def send_all(client: Client, workers: Workers, files: Sequence[LocalFile], uploader: Uploader, report: Report) -> None:
    """Send files at the same time, with what became of each in the report."""
    outage = Outage(workers)
    with timed(report), Bar("Uploading", len(files), sum(file.size for file in files)) as bar:

        def do(group: list[LocalFile]) -> list[Item]:
            # Small files are sent to their end; a large one goes on from where it is.
            check = workers.check if group[0].size >= uploader.resumable_from else None
            try:
                items = uploader.send_together(group, bar.of_one(check))
            except (TadaError, OSError) as error:
                outage.saw(error)
                return [failed(file.relative, error) for file in group]
            outage.saw(None)
            return items

        def done(group: list[LocalFile], items: list[Item]) -> None:
            for file, item in zip(group, items, strict=True):
                report.items.append(item)
                bar.done(file.size if item.outcome in ("same", "kept", "failed") else 0)

        report.interrupted = workers.each(together(files), do, done)
    if outage.error:
        rest = {file.relative for file in files} - {item.path for item in report.items}
        report.items += [failed(path, outage.error) for path in sorted(rest)]


def preview(files: Sequence[LocalFile], uploader: Uploader, find: Lookup, report: Report) -> None:
    """Say what would be sent, as far as that can be known before."""
    for file in files:
        entry = find(file)
        same = entry is not None and uploader.is_same(file, entry)
        item = Item(file.relative, "same" if same else "would be sent", file.size)
        report.items.append(item)
