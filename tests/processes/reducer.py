"""A worker that is killed while it makes a reduction: python -m tests.processes.reducer REDIS_URL FOLDER UUID WHEN

WHEN is `storing`: before the reduction is in the storage, `stored`: after that, or `recorded`: when it is recorded.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from services.core.assets.entries import Entry
from services.core.assets.reductions import Reduction
from services.core.state import connection
from services.core.state.claim import Claim
from services.core.storage import NewObject, Outcome
from services.core.storage.local import LocalStorage
from tests.support.catalogs import CatalogUser


class _Dying(LocalStorage):
    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        os.kill(os.getpid(), signal.SIGKILL)
        return []


async def main(url: str, folder: str, uuid: str, when: str) -> None:
    user = CatalogUser(connection.connect(url))
    storage = (_Dying if when == "storing" else LocalStorage)(Path(folder))
    record = user.reductions.record

    async def dying(entry: Entry, reduction: Reduction, claim: Claim) -> bool:
        if when == "recorded":
            await record(entry, reduction, claim)
        os.kill(os.getpid(), signal.SIGKILL)
        return True

    user.reductions.record = dying  # type: ignore[method-assign]
    async with user.process.alive():
        await user.sight(storage, 256).describe(await user.entries.get(uuid))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
