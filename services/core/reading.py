"""Reading entries to answer with: whoever asks at the same moment shares one command.

Asking Redis costs a service several times what Redis needs to answer. Under load many requests arrive with one turn of
the event loop; what all of them want is read at once. The command is sent after the last of them has asked, so nobody
gets an entry from before its request.
"""

import asyncio
from collections.abc import Sequence

from services.core import keys
from services.core.redis import Redis

_Answer = asyncio.Future[list[bytes | None]]


class EntryReader:
    """Reads stored entries by uuid, for one event loop."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._asked: list[tuple[Sequence[str], _Answer]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, uuids: Sequence[str]) -> list[bytes | None]:
        """Return entries as they are stored, None for each that there is not; raises RedisError."""
        answer: _Answer = asyncio.get_running_loop().create_future()
        self._asked.append((uuids, answer))
        if len(self._asked) == 1:
            # It runs once everything that is ready to run now has run, and asked.
            task = asyncio.create_task(self._answer())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _answer(self) -> None:
        asked, self._asked = self._asked, []
        wanted = list(dict.fromkeys(uuid for uuids, _ in asked for uuid in uuids))
        try:
            raws: list[bytes | None] = await self._redis.hmget(keys.ENTRIES, wanted)  # type: ignore[misc]
        except BaseException as error:
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error) if isinstance(error, Exception) else answer.cancel()
            if not isinstance(error, Exception):
                raise
            return
        found = dict(zip(wanted, raws, strict=True))
        for uuids, answer in asked:
            if not answer.done():  # Its request may have been given up.
                answer.set_result([found[uuid] for uuid in uuids])
