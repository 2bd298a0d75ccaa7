"""One use of a ticket never makes two assets or two versions, wherever the upload dies or loses an answer of Redis."""

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from services.catalog.keyring import Keyring
from services.catalog.tickets import asking
from services.catalog.tickets.tickets import Tickets
from services.catalog.tokens import Tokens
from services.catalog.uploads.conflicts import OnConflict
from services.catalog.uploads.spool import SpooledFile
from services.catalog.uploads.uploads import Rules, Uploads, Wish
from services.core.errors import TadaError, TicketUsed, Unavailable
from services.core.spool import prepare
from services.core.state import commands, entry_json, keys
from services.core.state.connection import Redis
from services.core.state.tickets import TicketRecords
from services.core.storage.local import LocalStorage
from tests.processes.redis_server import RedisServer
from tests.support.failing_parts import FailingProcess, Fault, Faults, InPlace, Killed, spool_file

PNG = b"\x89PNG\r\n\x1a\n"
RULES = Rules(("DEV",), frozenset({"image/png"}), strip_metadata=False, convert_to_webp=True)
ALLOWED = asking.Allowed(("DEV",), ("image/png",), 1000)
STEPS = 16
"""More calls than an upload makes."""
NOBODY = Keyring(lambda: Tokens(()))


class Page:
    """A page that uploads a picture of its own with a ticket, at a process that may die."""

    def __init__(self, process: FailingProcess, content: bytes) -> None:
        user = process.user
        self._process, self._content = process, content
        self.tickets = Tickets(TicketRecords(user.client), NOBODY, ("k" * 32,))
        self._uploads = Uploads(user.claims, process.reaper, user.entries, process.storage, RULES, user.room)

    async def upload(self, text: str, on_conflict: OnConflict) -> None:
        """Raises what the page is answered, and Killed."""
        path = spool_file(self._process.storage, "cat", self._content)
        digest = hashlib.sha256(self._content).hexdigest()
        file = SpooledFile("cat.png", None, "image/png", path, len(self._content), digest)
        permit = await self.tickets.open(text)
        async with self.tickets.using(permit, alive=self._process.sign_of_life, lasts=60) as before_write:
            wish = Wish("DEV", None, None, None, {}, on_conflict, before_write)
            [outcome] = await self._uploads.create([file], wish)
            if isinstance(outcome, TadaError):
                raise outcome


@pytest.mark.parametrize("fault", ["killed", Fault.REFUSED, Fault.UNANSWERED], ids=str)
@pytest.mark.parametrize("kind", [LocalStorage, InPlace])
@pytest.mark.parametrize("on_conflict", [OnConflict.RENAME, OnConflict.REPLACE])
async def test_one_use_makes_one_asset_at_most(
    server: RedisServer,
    client: Redis,
    tmp_path: Path,
    kind: type[LocalStorage],
    fault: Fault | str,
    on_conflict: OnConflict,
) -> None:
    lost = 0
    for step in range(STEPS):
        await client.flushall()
        backend = kind(tmp_path / str(step))
        prepare(backend.spool)
        first, second = (FailingProcess(server.url, backend, Faults()) for _ in range(2))
        for process in (first, second):
            await client.set(process.sign_of_life, b"1")
        asked = asking.read({"namespace": "DEV", "uses": 1}, ALLOWED, None)
        if on_conflict is OnConflict.REPLACE:
            other, _ = await Page(second, PNG).tickets.make(NOBODY.holders[0], asked)
            await Page(second, PNG).upload(other, on_conflict)
        text, _ = await Page(second, PNG).tickets.make(NOBODY.holders[0], asked)
        before = await written(client)
        page, answered, again = Page(first, PNG + b"1"), False, False
        if isinstance(fault, Fault):
            first.redis_faults.coming = [*[None] * step, fault]
        else:
            first.dies_after = step
        with suppress(Killed, RedisError, TadaError):
            await page.upload(text, on_conflict)
            answered = True
        if first.dies_after == 0:
            await client.delete(first.sign_of_life)
            for _ in range(3):
                await second.reaper.settle_all()
        with suppress(TicketUsed, Unavailable):  # A living process may have the path.
            await Page(second, PNG + b"2").upload(text, on_conflict)
            again = True
        count = await written(client) - before
        assert not (answered and again), step
        assert count <= 1, step
        assert count == 1 or not (answered or again), step
        lost += count == 0
        for process in (first, second):
            await process.close()
    assert answered, "an upload has more steps"
    # Of the steps of an upload, those between the count and the write.
    assert lost <= (4 if kind is InPlace else 2)


async def written(client: Redis) -> int:
    """Return the number of versions of all assets."""
    return sum(entry_json.read(raw).version for raw in (await commands.hgetall(client, keys.ENTRIES)).values())
