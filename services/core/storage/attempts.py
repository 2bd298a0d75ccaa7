"""Repeats requests to a remote storage, with random pauses and one deadline for all attempts together."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from services.core.errors import StorageDown

Result = TypeVar("Result")

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


class Interrupted(Exception):
    """The storage failed in a way that may be temporary: no connection, a time-out, a 5xx."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How often to repeat a request, and the seconds for all attempts together."""

    retries: int
    deadline: float

    def pause(self, attempt: int) -> float:
        """Return the seconds before attempt 1, 2, …: "full jitter", so that clients do not all come back at once."""
        return random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1)))  # noqa: S311 - not a secret


async def attempt(policy: Policy, operation: Callable[[], Awaitable[Result]]) -> Result:
    """Return what `operation` returns; try again while it is Interrupted, then raise StorageDown.

    The operation must be safe to repeat.
    """
    last: BaseException | None = None
    try:
        async with asyncio.timeout(policy.deadline):
            for number in range(policy.retries + 1):
                if number:
                    await asyncio.sleep(policy.pause(number))
                try:
                    return await operation()
                except Interrupted as error:
                    last = error
    except TimeoutError:
        raise StorageDown(f"The storage did not answer within {policy.deadline:g} s.") from last
    raise StorageDown(f"The storage does not answer: {last}.") from last


async def resumed(
    policy: Policy,
    open_at: Callable[[int, int | None], AsyncGenerator[bytes, None]],
    start: int,
    length: int | None,
) -> AsyncGenerator[bytes, None]:
    """Yield what `open_at(start, length)` yields; after an Interrupted, call it again for the rest.

    The deadline limits silence: it begins again with every chunk, because a large body may take long. An attempt that
    yields something restores all retries.
    """
    sent, failures, quiet_since = 0, 0, time.monotonic()
    while True:
        left = None if length is None else length - sent
        try:
            async with aclosing(open_at(start + sent, left)) as chunks:
                async for chunk in chunks:
                    sent += len(chunk)
                    failures = 0
                    yield chunk
                    quiet_since = time.monotonic()
            return
        except Interrupted as error:
            if sent and length is not None and sent >= length:
                return
            failures += 1
            if failures > policy.retries or time.monotonic() - quiet_since > policy.deadline:
                raise StorageDown(f"The storage does not answer: {error}.") from error
            await asyncio.sleep(policy.pause(failures))
