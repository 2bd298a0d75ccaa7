"""Mixed changes while Redis, catalog and jobs are killed, and a webhook whose receiver fails half of the time.

    python -m tests.programs.soak_webhooks [CHANGES]          (10000; `make soak-changes`)

In the end, every event of the log must have been acknowledged by the receiver, with a valid signature. No event may
have arrived before the earlier ones of its asset were acknowledged.
"""

import random
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import redis
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.core.assets.events import Event
from services.core.state import keys
from services.core.state.changes import KEPT, read_event
from tests.processes.system import System
from tests.processes.webhook_receiver import Arrival, Receiver, Reply
from tests.programs.soak_undo import SETTINGS, UndoStorm
from tests.support.waits import wait_until

PAUSES = ("0.1", "0.2", "0.4", *("1" for _ in range(46)), "3600")
WEBHOOK_SETTINGS = {
    **SETTINGS,
    "OUTWARD_ALLOWED": "127.0.0.1",
    "WEBHOOKS_RETRY_SECONDS": ",".join(PAUSES),
    "WEBHOOKS_TIMEOUT_SECONDS": "0.5",
}
OK, FAIL, CUT, HANG = Reply(), Reply(500, text="no"), Reply(None), Reply(None, seconds=1.0)
FORGED = Reply(401)
_REPLIES = (OK, FAIL, CUT, HANG)
_WEIGHTS = (50, 30, 17, 3)
_MOVES = 0.1
"""What share of the changes of an asset that is there are moves."""


class MovingStorm(UndoStorm):
    """The same changes, and moves to and fro."""

    def _change(self, client: httpx.Client, chance: random.Random, name: str) -> tuple[str, bool]:
        if chance.random() < _MOVES:
            here, there = chance.sample((name, f"{name}b", f"{name}c"), 2)
            asked = {"filterByKey": "unique_name", "filterByValue": f"/DEV/{here}.pdf"}
            uuid = client.get("/catalog", params=asked).json()[0]["uuid"]
            return "move", self._is_done(client.patch(f"/file/{uuid}", json={"filename": f"{there}.pdf"}))
        return super()._change(client, chance, name)


@dataclass(frozen=True, slots=True)
class Found:
    """What was wrong in the end, and some numbers."""

    missing: list[int]
    early: list[str]
    events: int
    attempts: int

    @property
    def is_well(self) -> bool:
        return not self.missing and not self.early


class Faulty:
    """Fails half of the time, and counts what has no valid signature."""

    def __init__(self) -> None:
        self.secret = ""
        self.invalid = 0
        self._chance, self._lock = random.Random(1), threading.Lock()

    def __call__(self, arrival: Arrival) -> Reply:
        try:
            Webhook(self.secret).verify(arrival.body, dict(arrival.headers))
        except WebhookVerificationError:
            self.invalid += 1
            return FORGED
        with self._lock:
            return self._chance.choices(_REPLIES, _WEIGHTS)[0]


def register(system: System, receiver: Receiver, **fields: object) -> dict[str, str]:
    """Register a webhook and return it, with its secret."""
    answer = system.api.post("/webhooks", json={"address": receiver.address, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json()["data"][0])


def run(system: System, changes: int, delivered_within: float) -> tuple[MovingStorm, Found]:
    """Change, kill, and compare what the receiver has with the log."""
    faulty = Faulty()
    with Receiver(faulty) as receiver:
        begun = system.revision()
        webhook = register(system, receiver)
        faulty.secret = webhook["secret"]
        storm = MovingStorm(system, changes)
        storm.run()

        def is_delivered() -> bool:
            [state] = system.api.get(f"/webhooks/{webhook['id']}").json()["data"]
            return state["waiting"] == 0 and not compare(_logged(system, begun), receiver.arrivals).missing

        with suppress(AssertionError):  # It is said below what is missing.
            wait_until(is_delivered, delivered_within)
        assert not faulty.invalid
        return storm, compare(_logged(system, begun), receiver.arrivals)


def compare(logged: list[Event], arrivals: list[Arrival]) -> Found:
    """Say which events were never acknowledged, and which arrived before an earlier one of their asset was."""
    first_arrival: dict[int, int] = {}
    acknowledged: dict[int, int] = {}
    for arrival in arrivals:
        first_arrival.setdefault(arrival.number, arrival.at)
        if arrival.acknowledged is not None:
            acknowledged[arrival.number] = min(arrival.acknowledged, acknowledged.get(arrival.number, sys.maxsize))
    before: dict[str, int] = {}
    early = []
    for event in logged:
        for path in event.paths:
            earlier, before[path] = before.get(path), event.number
            if earlier and first_arrival.get(event.number, sys.maxsize) < acknowledged.get(earlier, sys.maxsize):
                early.append(f"{event.number} of {path} before {earlier}")
    missing = [event.number for event in logged if event.number not in acknowledged]
    return Found(missing, early, len(logged), len(arrivals))


def _logged(system: System, after: int) -> list[Event]:
    """Return the events of the log after a position. The log must still have all of them."""
    with redis.Redis(port=system.ports.redis) as client:
        assert client.xlen(keys.CHANGES) < KEPT
        found = [read_event(*one) for one in client.xrange(keys.CHANGES)]
    return [event for event in found if event and event.number > after]


def main(changes: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder), WEBHOOK_SETTINGS)
        try:
            system.start()
            begun = time.monotonic()
            storm, found = run(system, changes, delivered_within=3600)
            seconds, seen = time.monotonic() - begun, storm.seen
            print(f"{seen.changes} changes in {seconds:.0f} s, {seen.kills} kills, {seen.kinds}")
            print(f"{found.events} events in {found.attempts} attempts")
            print(f"missing: {found.missing[:5]}, early: {found.early[:5]}")
            return 0 if found.is_well else 1
        finally:
            with suppress(AssertionError):
                system.stop()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
