"""An event that is kept for a webhook until it is delivered, and what came of the attempts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import orjson

from services.core.assets.events import Event, time_of

GAP, TEST = "catalog.gap", "webhook.test"
"""Kinds that only webhooks are told of: others are missing, so the list has to be read anew; and a trial."""
EVERYTHING = "*"
"""Stands for the path of an event of the whole catalog."""
TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Attempt:
    """The end of one attempt. `date` is ISO 8601; `status` is that of the answer, None if there was none; `text` is the
    beginning of its body, or why there was none."""

    date: str
    event: str
    status: int | None
    text: str

    @classmethod
    def of(cls, date: str, event: str, status: int | None, text: str) -> Self:
        printable = "".join(character if character.isprintable() else " " for character in text)
        return cls(date, event, status, printable[:TEXT_MAX].strip())


@dataclass(frozen=True, slots=True)
class Held:
    """An event as it is kept. `body` is what is sent, the same bytes in each attempt.

    `paths` are those of its asset: events that have one in common are sent in their order. `first` is when the first
    attempt was made, seconds since 1970, 0 before it. `reason` says why it is a dead letter.
    """

    number: int
    paths: tuple[str, ...]
    body: bytes
    attempts: int = 0
    first: float = 0.0
    last: Attempt | None = None
    reason: str = ""

    @classmethod
    def of(cls, event: Event) -> Self:
        return cls(event.number, event.paths or (EVERYTHING,), _body(event.kind, event.shape))

    @classmethod
    def own(cls, kind: str, number: int) -> Self:
        """Return an event of a kind that only webhooks are told of."""
        shape = {"id": str(number), "kind": kind, "time": time_of(number)}
        nothing = dict.fromkeys(("uuid", "unique_name", "before", "after", "who", "request_id"))
        return cls(number, (EVERYTHING,), _body(kind, {**shape, **nothing}))

    @property
    def id(self) -> str:
        """What Standard Webhooks calls the id of the message: that of the event, whatever the attempt and webhook."""
        return str(self.number)

    @property
    def member(self) -> str:
        """Its number as it is kept: all have the same length, so their order is that of texts, too."""
        return f"{self.number:016d}"

    def anew(self) -> "Held":
        """Return it as if it had never been sent."""
        return replace(self, attempts=0, first=0.0, reason="")

    def rest(self) -> str:
        """Return what is kept of it beside its paths."""
        about = {name: getattr(self, name) for name in ("number", "attempts", "first", "last", "reason")}
        return f"{orjson.dumps(about).decode()}\n{self.body.decode()}"

    def entered(self, *more: Any) -> Sequence[Any]:
        """Return it for the scripts that put it into a lane."""
        return (self.member, " ".join(self.paths), self.rest(), *more)

    @classmethod
    def from_value(cls, value: bytes) -> Self:
        paths, about, body = value.split(b"\n", 2)
        told = orjson.loads(about)
        last = Attempt(**told.pop("last")) if told["last"] else told.pop("last")
        return cls(paths=tuple(paths.decode().split()), body=body, last=last, **told)


def _body(kind: str, shape: dict[str, Any]) -> bytes:
    """Return the body as Standard Webhooks recommends it: `type`, `timestamp`, and the event itself in `data`."""
    return orjson.dumps({"type": kind, "timestamp": shape["time"], "data": shape})
