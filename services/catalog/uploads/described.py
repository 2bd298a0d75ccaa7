"""Entries with the facts about their pictures, for a client that waits for them."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from redis.exceptions import RedisError

from services.core.assets.entries import Entry
from services.core.assets.facts import NO_FACTS
from services.core.state import entry_json
from services.core.state.entries import Entries

WAITS = ("facts",)
"""What a client can wait for."""
WAIT_SECONDS = 8.0
"""How long an answer waits for facts. A worker usually needs less than a second."""
_LOOK_SECONDS = 0.05


def lacks_facts(entry: Entry) -> bool:
    """Say whether facts may still be found out about the bytes of an entry."""
    return entry.may_be_described and entry.facts == NO_FACTS


async def described(stored: Entries, wanted: Sequence[Entry]) -> list[Entry]:
    """Return the entries when all of them have facts, or as they are after WAIT_SECONDS, in the same order.

    An entry that has been deleted meanwhile, or whose file has been replaced, stays as it is given. If Redis fails, all
    do from then on.
    """
    found = list(wanted)
    with suppress(TimeoutError, RedisError):
        async with asyncio.timeout(WAIT_SECONDS):
            while lacking := [at for at, entry in enumerate(found) if lacks_facts(entry)]:
                raws = await stored.raws([found[at].key for at in lacking])
                current = [entry_json.read(raw) if raw else None for raw in raws]
                pending = False
                for at, now in zip(lacking, current, strict=True):
                    if now is not None and now.signature == found[at].signature:
                        found[at] = found[at].with_facts(now.facts)
                        pending = pending or lacks_facts(found[at])
                if not pending:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
    return found
