"""How far each CDN is behind, for the metrics: looked up in Redis, so every worker says it."""

import time
from collections.abc import Sequence

from services.core.state import changes
from services.core.state.changes import ChangeLog
from services.core.state.connection import Redis
from services.jobs import metrics
from services.jobs.cdn.position import Positions

_COUNTED_MAX = 1000


async def sample(client: Redis, names: Sequence[str]) -> None:
    """Set the metrics of the CDNs; without Redis they are unknown (NaN)."""
    for name in names:
        pending, oldest = metrics.CDN_CHANGES.labels(name), metrics.CDN_OLDEST.labels(name)
        pending.set(float("nan"))
        oldest.set(float("nan"))
        position = await Positions(client, name).read()
        found = await ChangeLog(client).from_(position.sent, _COUNTED_MAX + 1)
        waiting = [change for change in found if change.number > position.sent]
        pending.set(min(len(waiting), _COUNTED_MAX))
        oldest.set(changes.age(waiting[0].number, time.time()) if waiting else 0)
