"""Up to which changes a CDN was purged, kept in Redis for the next worker."""

from dataclasses import dataclass

from services.core.state import commands, keys
from services.core.state.connection import Redis


@dataclass(frozen=True, slots=True)
class Position:
    """Numbers of changes: the last one for which the CDN was purged, and the last one for which it was purged again."""

    sent: int = 0
    settled: int = 0

    def to_text(self) -> str:
        return f"{self.sent} {self.settled}"

    @classmethod
    def from_text(cls, text: bytes) -> "Position":
        return cls(*map(int, text.split()))


class Positions:
    """The position of one CDN. Raises RedisError.

    A worker that was frozen may write an older position over a newer one. Then some purges are repeated.
    """

    def __init__(self, client: Redis, target: str) -> None:
        self._redis, self._target = client, target

    async def read(self) -> Position:
        text = await commands.hget(self._redis, keys.CDN, self._target)
        return Position.from_text(text) if text else Position()

    async def write(self, position: Position) -> None:
        await commands.hset(self._redis, keys.CDN, self._target, position.to_text())
