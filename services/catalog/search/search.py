"""The index of one process: fed from the log of changes, made again from Redis if it is missing or behind.

It is never the truth. It knows the number of the last change that it has, and the log must still have this change.
Otherwise Redis has lost changes, or has dropped them from the log, and the index is made again. Meanwhile, searches are
answered 503. One thread writes to the file, and READERS threads answer searches.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from redis.exceptions import RedisError

from services.catalog import metrics
from services.catalog.search.file import Damaged, Full, size_of
from services.catalog.search.folders import Listing
from services.catalog.search.place import Place
from services.catalog.search.query import Query
from services.catalog.search.reading import Found, Reader, Signatures
from services.catalog.search.recent import Recent
from services.catalog.search.row import row_of
from services.catalog.search.writing import Builder, Writer
from services.core.assets import identity
from services.core.errors import CatalogReplaced, NoIndex
from services.core.jobs.action_lists import Item
from services.core.observing import logs
from services.core.state.cancellation import is_cancelled
from services.core.state.changes import CatalogReplaced as Replaced
from services.core.state.changes import Change, ChangeLog, number_of
from services.core.state.connection import BLOCK
from services.core.state.entries import Entries

log = logging.getLogger(__name__)

READERS = 2
_CHANGES = 1000
"""Changes that are applied at a time."""
GATHER_SECONDS = 1.0
"""Changes that come within this time are applied together, unless a search waits for them. Many together cost less
than half, and the facts about an uploaded picture come soon after its upload."""
_AGAIN_SECONDS = 0.5
"""Pause after other trouble. Each time that an index is not completed, it is doubled, up to _FULL_SECONDS: to make one
reads the whole catalog."""
_FULL_SECONDS = 600.0
"""Pause after the index has reached its bound. It would take as long to reach it again as to make it."""

_FAILED_SECONDS = 30.0
"""Pause after an error that nobody has foreseen, such as an entry that cannot be read."""

Result = TypeVar("Result")


def changed_since(changes: Sequence[Change], position: int) -> list[str] | None:
    """Return the paths of the entries that have changed since a position, from the changes from there on.

    None if the log no longer has the position, or if the whole catalog was replaced since.
    """
    if not changes or changes[0].number != position:
        return None if changes or position else []
    names: dict[str, None] = {}
    for change in changes[1:]:
        if isinstance(change, Replaced):
            return None
        names[change.unique_name] = None
    return list(names)


class Search:
    """Answers searches of the catalog. `run` keeps its index up to date."""

    def __init__(self, entries: Entries, changes: ChangeLog, folder: Path, most_bytes: int) -> None:
        self._entries, self._log, self._folder, self._most_bytes = entries, changes, folder, most_bytes
        self._writing = ThreadPoolExecutor(1, "search-writer")
        self._reading = ThreadPoolExecutor(READERS, "search-reader")
        self._local = threading.local()
        self._place: Place | None = None
        self._writer: Writer | None = None
        self._trouble = ""
        """What has last kept it from having an index. It is logged once."""
        self._rest = _AGAIN_SECONDS
        self._before_the_log = 0
        """The revision while the log is empty: an index without a position has all that was before."""
        self._recent = Recent()
        self._signatures: Signatures | None = None
        self._made = 0
        """How often an index was opened: a reader of an earlier one is opened again."""
        self._moved = asyncio.Condition()
        self._awaited = asyncio.Event()
        """Set when a search waits for changes, until the next ones are read."""

    async def find(self, query: Query) -> Found:
        """Answer a search; raises NoIndex while there is no index."""
        return await self._read(lambda reader: reader.find(query))

    async def named(self, query: Query, most: int, namespaces: Collection[str] | None) -> list[Item]:
        """Return entries that a search finds, up to `most`, in no order, of all namespaces or of some.

        Raises NoIndex while there is no index.
        """
        return await self._read(lambda reader: reader.named(query, most, namespaces=namespaces))

    async def folders(self, path: str, after: str, limit: int) -> Listing:
        """Return a folder such as /DEV/shop with up to `limit` folders directly in it, by their paths.

        The folder "" is the whole catalog, and the namespaces are in it. `after` is the path where the last page ended,
        "" for the first one. A folder without entries has zeros. Raises NoIndex while there is no index.
        """
        return await self._read(lambda reader: reader.folders(path, after, limit))

    def same_bytes(self, signature: str, wanted: Callable[[str], bool]) -> list[str]:
        """Return the wanted ones of the paths of entries that have a signature: up to SAME_MAX of the index, and those
        of the last uploads of this process. Some may have changed meanwhile. Raises NoIndex while there is no index."""
        if self._writer is None or self._place is None:
            raise NoIndex
        self._recent.forget(self._writer.position)
        try:
            if self._signatures is None:
                self._signatures = Signatures(self._place.path, self._most_bytes)
            found = self._signatures.names(signature, wanted)
        except Damaged as error:  # Searches say so, and close the index.
            raise NoIndex from error
        return list(dict.fromkeys([*found, *filter(wanted, self._recent.names(signature))]))

    def uploaded(self, number: int, signature: str, unique_name: str) -> None:
        """Note an upload of this process, with the number of its change or of a later one: `same_bytes` names it before
        the index has it."""
        self._recent.add(number, signature, unique_name)

    async def reached(self, number: int, seconds: float) -> bool:
        """Wait up to `seconds` until the index has a change; say whether it has it."""
        if self._has(number):
            return True
        self._awaited.set()
        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self._has(number))
        except TimeoutError:
            return False
        return True

    async def sample(self) -> None:
        """Set the metrics that are looked up on request."""
        writer, place = self._writer, self._place
        metrics.INDEX_READY.set(writer is not None)
        metrics.INDEX_BYTES_MAX.set(self._most_bytes)
        metrics.INDEX_BYTES.set(await asyncio.to_thread(size_of, place.path) if place and writer else 0)
        revision = number_of(await self._entries.revision())
        behind = max(0, revision - writer.position) if writer and not self._has(revision) else 0
        metrics.INDEX_BEHIND.set(behind / 1_000_000)

    async def run(self) -> None:
        """Keep the index up to date until cancelled. If Redis goes away, this continues when it is back."""
        while not is_cancelled():
            rest = _AGAIN_SECONDS
            try:
                await self._follow()
            except RedisError as error:
                logs.event(log, logging.WARNING, "redis_down", error=str(error))
            except CatalogReplaced:
                rest = 0
            except Full as error:
                metrics.INDEX_FULL.inc()
                logs.event(log, logging.ERROR, "search_index_full", bytes_max=self._most_bytes, error=str(error))
                await self._close_writer()
                rest = _FULL_SECONDS
            except (Damaged, OSError) as error:
                if str(error) != self._trouble:
                    logs.event(log, logging.ERROR, "search_index_damaged", error=str(error))
                self._trouble = str(error)
                await self._close_writer()
                rest = self._rest
            except Exception as error:  # noqa: BLE001 - the task is to go on after any error
                logs.event(log, logging.ERROR, "search_failed", exc_info=error, error=str(error))
                await self._close_writer()
                rest = max(self._rest, _FAILED_SECONDS)
            if not is_cancelled():
                await asyncio.sleep(rest)

    async def close(self) -> None:
        await self._close_writer()
        await asyncio.to_thread(self._reading.shutdown)
        await asyncio.to_thread(self._writing.shutdown)
        if self._place is not None:
            self._place.close()

    async def _follow(self) -> None:
        place = await self._placed()
        while not is_cancelled():
            if self._writer is None:
                if place.is_lost:
                    return
                await self._make(place.path)
                continue
            writer = self._writer  # A search that finds it damaged closes it meanwhile.
            position = writer.position
            before_the_log = 0 if position else number_of(await self._entries.revision())
            self._awaited.clear()
            changes = await self._log.from_(position, _CHANGES + 1)
            names = changed_since(changes, position)
            if names is None:
                await self._make(place.path)
                continue
            if names:
                await self._apply(writer, names, changes[-1].number)
                continue
            if before_the_log > self._before_the_log:
                self._before_the_log = before_the_log
                await self._say_moved()
            if await self._log.wait_after(position, BLOCK):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._awaited.wait(), GATHER_SECONDS)

    async def _placed(self) -> Place:
        """Return the place of the index, another one if the folder of the last one is gone."""
        if self._place is not None and not self._place.is_lost:
            return self._place
        if self._place is not None:
            self._place.close()
            self._place = None
        self._place = await self._write(lambda: Place(self._folder))
        await self._open(self._place.path)
        return self._place

    async def _open(self, path: Path) -> None:
        """Open the index that the process has from before, if there is one."""
        try:
            await self._take(await self._write(lambda: Writer(path, self._most_bytes)))
        except Damaged as error:
            logs.event(log, logging.INFO, "search_index_missing", reason=str(error))

    async def _make(self, path: Path) -> None:
        """Make the index again. What changes meanwhile is later than its position, and is applied afterwards."""
        await self._close_writer()
        latest = await self._log.latest()
        builder = await self._write(lambda: Builder(path, self._most_bytes))
        count = 0
        self._rest = min(2 * self._rest, _FULL_SECONDS)
        try:
            async for raws in self._entries.scan():
                await self._write(lambda raws=raws: builder.add([row_of(raw) for raw in raws]))  # type: ignore[misc]
                count += len(raws)
            await self._write(lambda: builder.finish(latest.number if latest else 0))
        except BaseException:
            await self._write(builder.abandon)
            raise
        await self._take(await self._write(lambda: Writer(path, self._most_bytes)))
        metrics.INDEX_MADE.inc()
        logs.event(log, logging.INFO, "search_index_made", entries=count)

    async def _apply(self, writer: Writer, names: Sequence[str], position: int) -> None:
        raws = await self._entries.raws([identity.entry_key(name) for name in names])
        await self._write(
            lambda: writer.apply(
                [(name, row_of(raw) if raw else None) for name, raw in zip(names, raws, strict=True)], position
            )
        )
        await self._say_moved()

    async def _take(self, writer: Writer) -> None:
        self._writer, self._made, self._trouble, self._rest = writer, self._made + 1, "", _AGAIN_SECONDS
        await self._say_moved()

    async def _say_moved(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    def _has(self, number: int) -> bool:
        """Say whether the index has a change."""
        return self._writer is not None and number <= max(self._writer.position, self._before_the_log)

    async def _close_writer(self) -> None:
        if self._signatures is not None:
            self._signatures.close()
            self._signatures = None
        if (writer := self._writer) is not None:
            self._writer = None
            await self._write(writer.close)

    async def _write(self, step: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._writing, step)

    async def _read(self, ask: Callable[[Reader], Result]) -> Result:
        if self._writer is None or self._place is None:
            raise NoIndex
        path, made = self._place.path, self._made
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._reading, lambda: ask(self._reader(path, made))
            )
        except Damaged as error:
            logs.event(log, logging.ERROR, "search_index_damaged", error=str(error))
            if self._made == made:
                await self._close_writer()
            raise NoIndex from error

    def _reader(self, path: Path, made: int) -> Reader:
        """Return the reader of this thread."""
        if getattr(self._local, "made", None) != made:
            if hasattr(self._local, "reader"):
                self._local.reader.close()
            self._local.reader, self._local.made = Reader(path, self._most_bytes), made
        found: Reader = self._local.reader
        return found
