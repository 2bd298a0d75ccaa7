"""The client. This file is made from async_client.py: `python -m tools.python_client`."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar, Unpack

import httpx

from tada_client import flows, names, operations
from tada_client.addresses import Addresses
from tada_client.carrying import Place
from tada_client.errors import NotReached, TadaError, Unavailable
from tada_client.events import Parser
from tada_client.flows import Flow, Resume, Sending
from tada_client.io_sync import Carrier
from tada_client.models import (
    About,
    Action,
    Conditions,
    Dump,
    Entry,
    Event,
    Fields,
    Folder,
    Job,
    OnConflict,
    Page,
    Trashed,
    Upload,
)
from tada_client.retries import Retries
from tada_client.wire import Progress, Query, Request, Source, encoded, source

T = TypeVar("T")
_STREAM = {"accept": "text/event-stream"}


class Client:
    """Talks to one TADA. `url` is its internal entry, with API_PREFIX if it has one.

    An asset is named by its uuid, by its path (`/DEV/pets/cat.webp`), by a public address or by its entry. Every method
    raises `TadaError`; `errors.py` shows the kinds.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        namespace: str = "",
        retries: Retries | None = None,
        connections: int = 16,
        sleep: Callable[[float], None] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """`namespace` is where uploads go that name none. `sleep` waits before a request is sent again."""
        self._carrier = Carrier(Place(url, token), connections, sleep, transport)
        self._retries, self._chance, self._namespace = retries or Retries(), random.Random(), namespace
        self._about: About | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._carrier.close()

    def run(self, flow: Flow[T]) -> T:
        """Carry out several requests: one of `flows`, or a generator of your own."""
        return self._carrier.run(flows.attempts(flow, self._retries, self._chance))

    def _ask(self, request: Request[T]) -> T:
        return self.run(flows.single(request))

    def _each(self, request: Request[Page[T]]) -> Iterator[T]:
        following: Request[Page[T]] | None = request
        while following is not None:
            page: Page[T] = self._ask(following)
            for item in page.items:
                yield item
            following = page.next

    # The service

    def about(self) -> About:
        """Return what the token may do, and what the service takes. It is asked once."""
        if self._about is None:
            self._about = self._ask(operations.about())
        return self._about

    def readiness(self) -> Mapping[str, Any]:
        """Return the state of each dependency; raises Unavailable if one does not answer."""
        return self._ask(operations.readiness())

    def usage(self) -> list[dict[str, Any]]:
        """Return what each namespace has, and what it may have."""
        return self._ask(operations.usage())

    def addresses(self, key: str = "", expires: datetime | int | None = None) -> Addresses:
        """Return what makes the public addresses of this service; with a key they are signed."""
        return Addresses((self.about()).assets_url, key, expires)

    # Uploading

    def upload(
        self,
        file: Path | str | bytes | Source,
        namespace: str = "",
        destination: str = "",
        *,
        name: str = "",
        on_conflict: OnConflict = "refuse",
        to_webp: bool | None = None,
        progress: Progress | None = None,
        resume: Resume | None = None,
        resumable_from: int = flows.RESUMABLE_FROM,
        **fields: Unpack[Fields],
    ) -> Upload:
        """Upload a file. If it is large, the upload is continued after a break, also by another program with `resume`.

        With `on_conflict="skip"` it is sent again when it is unknown whether it has arrived; `upsert` does so always.
        """
        sending = self._sending(file, namespace, destination, name, to_webp, progress, resumable_from, fields)
        return self.run(flows.upload(sending, on_conflict, resume))

    def upload_many(
        self,
        files: Sequence[Path | str | Source],
        namespace: str = "",
        destination: str = "",
        *,
        on_conflict: OnConflict = "refuse",
        to_webp: bool | None = None,
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> list[Upload | TadaError]:
        """Upload small files in one request, which costs least: return what became of each.

        Raises the first error if none is taken. A request has 100 files at most (PAYLOAD_MAX_FILES).
        """
        sources, where = [source(file) for file in files], self._where(namespace)
        request = operations.upload_many(
            sources, where, destination, on_conflict, fields, to_webp=to_webp, progress=progress
        )
        return self._ask(request)

    def upsert(
        self,
        file: Path | str | bytes | Source,
        namespace: str = "",
        destination: str = "",
        *,
        name: str = "",
        to_webp: bool | None = None,
        progress: Progress | None = None,
        resume: Resume | None = None,
        resumable_from: int = flows.RESUMABLE_FROM,
        **fields: Unpack[Fields],
    ) -> Upload:
        """Have an asset with this file and these fields at its path, whatever is there; done twice it is the same."""
        sending = self._sending(file, namespace, destination, name, to_webp, progress, resumable_from, fields)
        return self.run(flows.upsert(sending, resume))

    def replace(
        self,
        asset: Entry | str,
        file: Path | str | bytes | Source,
        *,
        name: str = "",
        progress: Progress | None = None,
        **fields: Unpack[Fields],
    ) -> Upload:
        """Make a file the next version of an asset. If the answer is lost, it is looked up, and not done twice."""
        there = asset if isinstance(asset, Entry) else self.get(asset)
        opened = source(file, name or there.original_filename if isinstance(file, bytes) else name)
        sending = Sending(opened, "", "", fields, progress=progress)
        return self.run(flows.replace_whole(there, sending))

    def _sending(
        self,
        file: Path | str | bytes | Source,
        namespace: str,
        destination: str,
        name: str,
        to_webp: bool | None,
        progress: Progress | None,
        resumable_from: int,
        fields: Fields,
    ) -> Sending:
        where = self._where(namespace)
        return Sending(source(file, name), where, destination, fields, to_webp, progress, resumable_from)

    def _where(self, namespace: str) -> str:
        if where := namespace or self._namespace:
            return where
        raise ValueError("No namespace is given, neither for this upload nor for the client.")

    # Reading

    def get(self, asset: Entry | str) -> Entry:
        return self._ask(operations.entry(_uuid(asset)))

    def search(
        self, *, sort: str = "-uploaded_date", page: int = 200, **conditions: Unpack[Conditions]
    ) -> Iterator[Entry]:
        """Iterate over all entries that a search finds, `page` at a time."""
        return self._each(operations.search(conditions, sort, page))

    def count(self, **conditions: Unpack[Conditions]) -> int:
        """Return how many entries a search finds."""
        page = self._ask(operations.search(conditions, "-uploaded_date", 1))
        return page.total or 0

    def entries(self, *, page: int = 500) -> Iterator[Entry]:
        """Iterate over the whole catalog, the oldest entries first. It needs no search index."""
        return self._each(operations.entries(page))

    def folders(self, parent: str = "/") -> Iterator[Folder]:
        return self._each(operations.folders(parent, 500))

    def history(self, asset: Entry | str) -> Iterator[Mapping[str, Any]]:
        """Iterate over what has happened to an asset, the last event first."""
        return self._each(operations.history(_uuid(asset), 500))

    def download(self, asset: Entry | str, to: Path | str, *, progress: Progress | None = None) -> Path:
        """Write the stored file of an asset to a path, or into a folder under the name of its upload."""
        entry = asset if isinstance(asset, Entry) else self.get(asset)
        about = self.about()
        target = f"{about.raw['assets_path']}/original{names.without_extension(entry.unique_name)}"
        extension = entry.original_filename.rpartition(".")[2]
        return self._carrier.download(f"{target}.{extension}", Path(to), entry.original_filename, progress)

    # Changing

    def change(self, asset: Entry | str, **fields: Unpack[Fields]) -> Entry:
        return self._ask(operations.change(_uuid(asset), fields))

    def move(self, asset: Entry | str, *, destination: str | None = None, filename: str | None = None) -> Entry:
        """Give an asset another path in its namespace; its old addresses lead to the new one."""
        return self._ask(operations.move(_uuid(asset), destination, filename))

    def delete(self, asset: Entry | str) -> str:
        """Delete an asset; return the id by which it can be brought back, empty if it cannot."""
        return self._ask(operations.delete(_uuid(asset)))

    def change_many(
        self,
        conditions: Conditions | None = None,
        fields: Mapping[str, Any] | None = None,
        *,
        assets: Iterable[Entry | str] | None = None,
        dry_run: bool = False,
    ) -> Action:
        """Change all that a search finds, or some assets. `fields` may also have `add_tags` and `remove_tags`."""
        return self._ask(operations.act("change", conditions, _uuids(assets), fields, dry_run, None))

    def delete_many(
        self,
        conditions: Conditions | None = None,
        *,
        assets: Iterable[Entry | str] | None = None,
        dry_run: bool = False,
        confirm: int | None = None,
    ) -> Action:
        """Delete all that a search finds, or some assets. More than 100 need their number as `confirm`."""
        return self._ask(operations.act("delete", conditions, _uuids(assets), None, dry_run, confirm))

    def purge(self, asset: Entry | str) -> bool:
        """Have every cache ask anew for all forms of an asset; return whether all of them know of it already."""
        return self._ask(operations.purge(_uuid(asset)))

    def warm(self, asset: Entry | str, *, wait: bool = True) -> Job:
        """Have the forms of an asset made that the setting WARM names."""
        return self.run(flows.warm(_uuid(asset), wait))

    def sign(self, asset: Entry | str, addresses: Sequence[str], *, expires_in: int | None = None) -> list[str]:
        """Have the service sign public addresses of an asset, or forms of it such as `optimise/800x0?format=avif`, for
        some seconds or for good. `addresses` signs without asking, with a key."""
        return self._ask(operations.sign(_uuid(asset), addresses, expires_in))

    # Bringing back

    def versions(self, asset: Entry | str) -> list[Entry]:
        """Return the earlier versions of an asset, the last one first."""
        return self._ask(operations.versions(_uuid(asset)))

    def restore_version(self, asset: Entry | str, version: int) -> Entry:
        """Make the file of an earlier version the next version."""
        return self._ask(operations.restore_version(_uuid(asset), version))

    def trash(self, folder: str = "") -> Iterator[Trashed]:
        """Iterate over the deleted assets, the last deletions first."""
        return self._each(operations.trash(folder, 500))

    def restore(self, deleted: Trashed | str) -> Entry:
        """Bring back a deleted asset: by what `trash` tells, its id there, its uuid or its path."""
        found = deleted if isinstance(deleted, Trashed) else self.run(flows.deleted_at(deleted))
        return self._ask(operations.restore_deleted(found.id))

    def delete_for_good(self, deleted: Trashed | str) -> None:
        trash_id = deleted.id if isinstance(deleted, Trashed) else deleted
        self._ask(operations.delete_for_good(trash_id))

    # Jobs and dumps

    def run_job(self, name: str, arguments: Mapping[str, Any] | None = None, *, wait: bool = True) -> Job:
        """Have the worker do a job, and wait until it has ended, however it ends."""
        return self.run(flows.run_job(name, arguments or {}, wait))

    def wait(self, job: Job) -> Job:
        return self.run(flows.wait_for(job, flows.growing()))

    def job(self, job_id: str) -> Job:
        return self._ask(operations.job(job_id))

    def cancel_job(self, job: Job | str) -> Job:
        """Cancel a job, and return it as it is then: one that runs stops soon. Raises Conflict if it has ended."""
        return self._ask(operations.cancel_job(job.id if isinstance(job, Job) else job))

    def jobs(self, *, name: str = "", status: str = "", limit: int = 100) -> list[Job]:
        return self._ask(operations.jobs(name, status, limit))

    def dumps(self) -> list[Dump]:
        return self._ask(operations.dumps())

    def download_dump(self, filename: str, to: Path | str, *, progress: Progress | None = None) -> Path:
        """Write a file of a dump to a path, or into a folder under its own name. `latest` is the latest one."""
        return self._carrier.download(f"/catalog/get-dump/{filename}", Path(to), filename, progress)

    # What happens

    def follow(self, after: str = "", **filters: Any) -> Iterator[Event]:
        """Iterate over what happens, from now on or after an event, for as long as the service can be reached at times.

        A `change` is an event; a `reset` says that events are missing; `purged` says what no cache is behind of.
        """
        parser, pauses = Parser(after), flows.growing(0.5, 10)
        query: Query = filters
        while True:
            headers = _STREAM | ({"last-event-id": parser.last_id} if parser.last_id else {})
            try:
                for line in self._carrier.lines(f"/events{encoded(query)}", headers):
                    event = parser.feed(line)
                    if event is not None:
                        pauses = flows.growing(0.5, 10)
                        yield event
            except (NotReached, Unavailable):
                if not parser.last_id:
                    raise
            parser.broke_off()
            self._carrier.sleep(next(pauses))


def _uuid(asset: Entry | str) -> str:
    return asset.uuid if isinstance(asset, Entry) else names.reference(asset)


def _uuids(assets: Iterable[Entry | str] | None) -> list[str] | None:
    return None if assets is None else list(map(_uuid, assets))
