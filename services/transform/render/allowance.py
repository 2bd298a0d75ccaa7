"""How much may be rendered for one client, and of one asset: seconds of processor time, each with its own budget. Pure.

A budget is that of a leaky bucket: what has been spent becomes free again by and by. Who has spent a budget is *late*
and waits behind all others. Who has spent it twice is refused. Only what is rendered counts, not what a cache has.

One process counts what itself has rendered: a system of more processes has more to spend.
"""

import math
from dataclasses import dataclass, field

from services.core.clients import stands_for_many

CLIENT_SECONDS = 120.0
"""48 photographs of 24 megapixels in six sizes up to 1600 pixels are 288 renders of 0.22 s at most (`cost.py`): they
cost one client of a single process at most 62 s."""
FREE_AGAIN = 0.5
"""Seconds that become free in a second: one client can have half of a processor for as long as it likes."""
ASSET_SHARE = 2.0
"""An asset has so many budgets of a client. So no client alone can spend what others want of an asset."""
_KNOWN_MAX = 10_000


@dataclass(slots=True)
class Spending:
    """What was spent by each name: seconds, and when that was true."""

    budget: float
    """Seconds; 0 for no budget."""
    per_second: float
    _spent: dict[str, tuple[float, float]] = field(default_factory=dict)

    def spent(self, name: str, now: float) -> float:
        """Return the seconds that a name has spent and are not free again."""
        spent, at = self._spent.get(name, (0.0, now))
        return max(0.0, spent - (now - at) * self.per_second)

    def spend(self, name: str, seconds: float, now: float) -> None:
        if not self.budget:
            return
        if len(self._spent) >= _KNOWN_MAX and name not in self._spent:
            self._forget(now)
        self._spent[name] = (self.spent(name, now) + seconds, now)

    def is_late(self, spent: float) -> bool:
        return 0 < self.budget <= spent

    def retry_after(self, spent: float) -> int:
        """Return the seconds after which a name may ask again; 0 when it may now."""
        beyond = spent - 2 * self.budget
        return math.ceil(beyond / self.per_second) or 1 if self.budget and beyond >= 0 else 0

    def _forget(self, now: float) -> None:
        """Keep the half that has spent most, without those who have nothing left."""
        left = {name: (self.spent(name, now), now) for name in self._spent}
        most = sorted(left.items(), key=lambda each: -each[1][0])[: _KNOWN_MAX // 2]
        self._spent = {name: value for name, value in most if value[0]}


@dataclass(frozen=True, slots=True)
class Verdict:
    late: bool = False
    retry_after: int = 0
    """Seconds; 0 for what is not refused."""


class Allowance:
    """The budgets of clients and assets. A client that may be many has none."""

    def __init__(self, seconds: float) -> None:
        self._clients = Spending(seconds, FREE_AGAIN)
        self._assets = Spending(ASSET_SHARE * seconds, ASSET_SHARE * FREE_AGAIN)

    def judge(self, client: str, asset: str, waiting: float, now: float) -> Verdict:
        """Say whether a render is late or refused; `waiting` are the seconds of work that the client waits for."""
        by_client = 0.0 if stands_for_many(client) else self._clients.spent(client, now) + waiting
        of_asset = self._assets.spent(asset, now)
        return Verdict(
            self._clients.is_late(by_client) or self._assets.is_late(of_asset),
            max(self._clients.retry_after(by_client), self._assets.retry_after(of_asset)),
        )

    def spend(self, client: str, asset: str, seconds: float, now: float) -> None:
        """Count a render that has begun."""
        if not stands_for_many(client):
            self._clients.spend(client, seconds, now)
        self._assets.spend(asset, seconds, now)
