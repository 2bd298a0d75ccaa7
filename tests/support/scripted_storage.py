"""A storage as a double, for tests of what is put around one."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

from services.core.errors import TadaError
from services.core.storage import Listed, NewObject, ObjectExists, Outcome, Receipt, StoredObject
from tests.support.objects import an_object

CAT = an_object()


class Scripted:
    """A storage whose next outcome the test says. It counts how often it is really asked."""

    spool = Path("spool")

    def __init__(self) -> None:
        self.outcome: Exception | None = None
        self.asked = 0

    def _answer(self) -> None:
        self.asked += 1
        if self.outcome:
            raise self.outcome

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        self.asked += 1
        if isinstance(self.outcome, ObjectExists | TadaError):
            return [self.outcome] * len(new)
        return [Receipt()] * len(new)

    async def read(self, stored: StoredObject) -> bytes:
        self._answer()
        return b"meow"

    async def stream(
        self, stored: StoredObject, start: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        self._answer()
        yield b"meow"

    async def size(self, stored: StoredObject) -> int:
        self._answer()
        return 4

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        self._answer()

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        self._answer()
        yield Listed(CAT.key, 4)

    async def ready(self) -> None:
        self._answer()
