"""Reads entries for answers: requests at about the same time share one command.

A command costs a service several times the time that Redis needs to answer it. So there is one command at a time, and
the requests that come meanwhile share the next one: the more requests there are, the more share a command. It is sent
after the last of these requests, so no request gets an entry from before it came.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass

from services.core.errors import Behind
from services.core.state import keys
from services.core.state.changes import number_of
from services.core.state.connection import Redis
from services.core.state.script import Script

_AT_ONCE = 4000
"""Entries in one command: a script of Redis cannot unpack more than 8000."""


@dataclass(frozen=True, slots=True)
class Read:
    """Entries as they are stored, None for each that does not exist; and the number of the last change before that.

    `addresses` are those in the pages that caches have (see `state/addresses`), if entries are read by uuid;
    `reductions` what is known of the reductions of their pictures, as it is stored, if they are read by their keys.
    """

    revision: int
    addresses: str
    raws: list[bytes | None]
    reductions: list[bytes | None]


@dataclass(frozen=True, slots=True)
class _Asked:
    wanted: Sequence[str]
    answer: "asyncio.Future[Read]"
    context: Context
    """The trace of the request: the command is a part of the trace of the first request that shares it."""


def finding(client: Redis) -> Script:
    """Return the script that reads entries by uuid (see `assets/identity`), or by their keys."""
    return Script(
        client,
        "find",
        entries=keys.ENTRIES,
        uuids=keys.UUIDS,
        revision=keys.REVISION,
        addresses=keys.ADDRESSES,
        moved=keys.MOVED,
        order=keys.ORDER,
    )


def reading(client: Redis) -> Script:
    """Return the script that reads entries by their keys alone, with what is known of their reductions."""
    return Script(client, "read", entries=keys.ENTRIES, reductions=keys.REDUCTIONS, revision=keys.REVISION)


def following(client: Redis) -> Script:
    """Return the script that reads the entries of moved assets by the keys that these had where the assets were."""
    return Script(client, "moved", moved=keys.MOVED, order=keys.ORDER, entries=keys.ENTRIES, revision=keys.REVISION)


class EntryReader:
    """Reads stored entries, for one event loop, by one of the scripts above."""

    def __init__(self, client: Redis, script: Callable[[Redis], Script] = reading) -> None:
        self._read = script(client)
        self._asked: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, wanted: Sequence[str], at_least: int = 0) -> list[bytes | None]:
        """Return entries as they are stored, None for each that does not exist.

        `wanted` are what the script reads by: entry keys, or uuids, each in its one spelling. `at_least` is a change
        that the caller knows of. Raises Behind if Redis does not have it, and RedisError.
        """
        return (await self.read_all(wanted, at_least)).raws

    async def read_all(self, wanted: Sequence[str], at_least: int = 0) -> Read:
        """Return the same with what is known of all of them."""
        asked = _Asked(wanted, asyncio.get_running_loop().create_future(), copy_context())
        self._asked.append(asked)
        if self._task is None:
            self._begin()
        read = await asked.answer
        if read.revision < at_least:
            raise Behind
        return read

    def _begin(self) -> None:
        # It runs after all tasks that are ready now, so that they can add their questions.
        self._task = asyncio.create_task(self._answer(), context=self._asked[0].context)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            # The requests that came meanwhile get the same error, instead of waiting for it again.
            for asked in self._asked:
                _refuse(asked, error)
            self._asked = []
        elif self._asked:
            self._begin()

    def _take(self) -> list[_Asked]:
        """Return the questions of the next command: at least one, and at most as many as fit into one command."""
        count, entries = 0, 0
        while count < len(self._asked) and (count == 0 or entries + len(self._asked[count].wanted) <= _AT_ONCE):
            entries += len(self._asked[count].wanted)
            count += 1
        taken, self._asked = self._asked[:count], self._asked[count:]
        return taken

    async def _answer(self) -> None:
        taken = self._take()
        wanted = list(dict.fromkeys(one for asked in taken for one in asked.wanted))
        try:
            head, *rest = await self._read(wanted=wanted)
        except BaseException as error:
            for asked in taken:
                _refuse(asked, error)
            raise
        found = dict(zip(wanted, rest, strict=False))
        reductions = dict(zip(wanted, rest[len(wanted) :], strict=False))
        revision, _, addresses = head.decode().partition(" ")
        number = number_of(revision)
        for asked in taken:
            if not asked.answer.done():  # Its request may have been cancelled.
                asked.answer.set_result(_read_of(asked, number, addresses, found, reductions))


def _read_of(
    asked: _Asked,
    number: int,
    addresses: str,
    found: dict[str, bytes | None],
    reductions: dict[str, bytes | None],
) -> Read:
    return Read(
        number,
        addresses,
        [found[one] for one in asked.wanted],
        [reductions[one] for one in asked.wanted] if reductions else [],
    )


def _refuse(asked: _Asked, error: BaseException) -> None:
    if asked.answer.done():
        return
    if isinstance(error, Exception):
        asked.answer.set_exception(error)
    else:
        asked.answer.cancel()
