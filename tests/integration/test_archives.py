"""Whom the ticket of an archive shows what: with a real Redis."""

import hashlib

import pytest

from services.catalog.archives.archives import Archives
from services.catalog.tokens import ANYBODY, Principal, Role, parse_tokens
from services.core.errors import TicketInvalid
from services.core.state.archives import ArchiveRecords
from services.core.state.connection import Redis
from services.core.state.entry_reader import EntryReader
from services.core.storage.local import LocalStorage

MINE, OTHER, NEWER = (hashlib.sha256(token).hexdigest() for token in (b"mine", b"other", b"newer"))
PATHS = ["/DEV/cat.webp"]


class Tokens:
    """The tokens that are valid now."""

    def __init__(self, *lines: str) -> None:
        self.holders = tuple(one for _, one in parse_tokens("", "\n".join(lines)).principals)


def archives(client: Redis, storage: LocalStorage, programs: Tokens) -> Archives:
    return Archives(ArchiveRecords(client), EntryReader(client), storage, programs)


async def test_of_two_tokens_of_one_name_each_sees_its_own(client: Redis, storage: LocalStorage) -> None:
    programs = Tokens(f"cms:read:PROD:{OTHER}", f"cms:read:DEV:{MINE}")
    made = archives(client, storage, programs)
    [mine] = [one for one in programs.holders if one.namespaces == frozenset({"DEV"})]
    archive = await made.find(await made.make(mine, PATHS))
    sees = made._sees(archive)
    assert (sees("DEV"), sees("PROD")) == (True, False)


async def test_an_archive_ends_with_the_token_also_if_another_has_its_name(
    client: Redis, storage: LocalStorage
) -> None:
    programs = Tokens(f"cms:read:*:{MINE}")
    made = archives(client, storage, programs)
    ticket = await made.make(programs.holders[0], PATHS)
    await made.find(ticket)
    programs.holders = Tokens(f"cms:read:*:{NEWER}").holders
    with pytest.raises(TicketInvalid):
        await made.find(ticket)


async def test_a_person_sees_what_the_login_allowed(client: Redis, storage: LocalStorage) -> None:
    made = archives(client, storage, Tokens(f"cms:read:*:{MINE}"))
    person = Principal("anna", Role.READ, frozenset({"DEV"}))
    sees = made._sees(await made.find(await made.make(person, PATHS)))
    assert (sees("DEV"), sees("PROD")) == (True, False)


async def test_without_any_token_everybody_fetches_what_anybody_made(client: Redis, storage: LocalStorage) -> None:
    programs = Tokens()
    programs.holders = (ANYBODY,)
    made = archives(client, storage, programs)
    ticket = await made.make(ANYBODY, PATHS)
    await made.find(ticket)
    programs.holders = Tokens(f"cms:read:*:{MINE}").holders
    with pytest.raises(TicketInvalid):
        await made.find(ticket)
