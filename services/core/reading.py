"""Reading entries to answer with: whoever asks at about the same time shares one command.

Asking Redis costs a service several times what Redis needs to answer. So one question is under way at a time, and what
is asked meanwhile is one question, too: the more requests there are, the more share a command. It is sent after the
last of them has asked, so nobody gets an entry from before its request.
"""

import asyncio
from collections.abc import Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass

from services.core import keys
from services.core.redis import Redis


@dataclass(frozen=True, slots=True)
class _Asked:
    uuids: Sequence[str]
    answer: "asyncio.Future[list[bytes | None]]"
    context: Context
    """Of the request: the command is traced as a part of what the first of those is who share it."""


class EntryReader:
    """Reads stored entries by uuid, for one event loop."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._asked: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None

    async def read(self, uuids: Sequence[str]) -> list[bytes | None]:
        """Return entries as they are stored, None for each that there is not; raises RedisError."""
        asked = _Asked(uuids, asyncio.get_running_loop().create_future(), copy_context())
        self._asked.append(asked)
        if self._task is None:
            self._begin()
        return await asked.answer

    def _begin(self) -> None:
        # It runs once everything that is ready to run now has run, and asked.
        self._task = asyncio.create_task(self._answer(), context=self._asked[0].context)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            # Who has asked meanwhile is not kept waiting for the same to happen again.
            for asked in self._asked:
                _refuse(asked, error)
            self._asked = []
        elif self._asked:
            self._begin()

    async def _answer(self) -> None:
        taken, self._asked = self._asked, []
        wanted = list(dict.fromkeys(uuid for asked in taken for uuid in asked.uuids))
        try:
            raws: list[bytes | None] = await self._redis.hmget(keys.ENTRIES, wanted)  # type: ignore[misc]
        except BaseException as error:
            for asked in taken:
                _refuse(asked, error)
            raise
        found = dict(zip(wanted, raws, strict=True))
        for asked in taken:
            if not asked.answer.done():  # Its request may have been given up.
                asked.answer.set_result([found[uuid] for uuid in asked.uuids])


def _refuse(asked: _Asked, error: BaseException) -> None:
    if asked.answer.done():
        return
    if isinstance(error, Exception):
        asked.answer.set_exception(error)
    else:
        asked.answer.cancel()
