"""A worker as a process of its own, to be killed: python -m tests.processes.worker REDIS_URL FOLDER hang|die|describe

Its job *publish* never ends, or kills it; or it never ends looking at a picture. Dead, it is missed sooner than usual.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.core.dumps.stores import open_dumps
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.probes.pulse import Pulse
from services.core.state import connection, leases
from services.core.state.changes import ChangeLog
from services.core.state.claims import Claims
from services.core.state.doubts import Doubts
from services.core.state.entries import Entries
from services.core.state.process import Process
from services.core.state.progress import Progress
from services.core.state.reaper import Reaper
from services.core.state.reductions import Reductions
from services.core.state.retired import RetiredObjects
from services.core.state.stale_claims import StaleClaims
from services.core.storage import open_storage
from services.jobs.describe.describer import Describer, Sight, consumer
from services.jobs.describe.reducer import Reducer
from services.jobs.queue import worker
from services.jobs.queue.kinds import JOBS, Job, Tools
from services.jobs.settings import JobsSettings
from services.jobs.warm.edge import Edge
from services.jobs.warm.warmer import Warmer
from tests.support.receivers import unheard


async def hang(tools: Tools, arguments: Any) -> dict[str, Any]:
    await asyncio.Event().wait()
    return {}


async def die(tools: Tools, arguments: Any) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


class _Endless:
    """A storage that never comes to the end of a file."""

    async def stream(self, stored: object) -> AsyncGenerator[bytes, None]:
        yield b"..."
        await asyncio.Event().wait()


async def main(url: str, folder: str, does: str) -> None:
    settings = JobsSettings(
        redis_url=SecretStr(url), data_folder_path=Path(folder) / "data", purge_token=SecretStr("token-of-the-tests")
    )
    client = connection.connect(url)
    storage = open_storage(settings)
    process, entries = Process(client), Entries(client)
    dumps, progress = open_dumps(settings, storage), Progress(client)
    claims, doubts = Claims(client, process), Doubts(client)
    reaper = Reaper(claims, StaleClaims(client, process, claims), doubts, entries, storage)
    reducer = Reducer(Reductions(client, claims), claims, process, reaper, storage, settings.reduction_side)
    sight = Sight(entries, storage, reducer)
    warmer = Warmer(entries, ChangeLog(client), progress, Edge((), "/assets/media", ""), ())
    tools = Tools(
        *(settings, client, process, entries, RetiredObjects(client), claims, doubts, reaper, storage, dumps, reducer),
        *(sight, progress, warmer, unheard),
    )
    if does == "describe":
        sight = Sight(entries, _Endless(), reducer)  # type: ignore[arg-type]
        describer = Describer(entries, ChangeLog(client), sight, JobQueue(client, JobLog(client)), warmer)
        await consumer(client, process, describer).run()
    # Only a worker that lives has to renew them: the test kills this one as soon as it runs the job.
    leases.LEASE_SECONDS, leases._RENEW_SECONDS, worker._IN_PROGRESS_SECONDS = 3.0, 0.5, 3
    jobs = {**JOBS, "publish": Job(hang if does == "hang" else die, 60, 3, alone=True)}
    async with process.alive():
        await worker.make_worker(connection.connect(url), tools, Pulse(20), jobs).async_run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
