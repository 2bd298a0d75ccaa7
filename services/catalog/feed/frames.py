"""Server-sent events as text (WHATWG HTML, 9.2). Pure.

| event | id | data |
|---|---|---|
| `change` | that of the event | an event, as `Event.shape` has it |
| `reset` | from where on nothing is missing | why there may be events that the client has not been sent |
| `purged` | the last change that was looked at | up to which changes the caches serve nothing old |

A frame with an id and no data changes only where a client continues: so a client whose filter takes few events does not
fall behind the log.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from services.core.assets.events import Event
from services.core.state.progress import Reached

RETRY_MS = 2000
"""How long a client waits before it connects again."""
HELLO = f"retry: {RETRY_MS}\n\n".encode()
HEARTBEAT = b":\n\n"
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Reason(StrEnum):
    """Why a client has to read the list anew."""

    START = "start"
    """It did not say what it has seen."""
    GAP = "gap"
    """The log does not have what it has seen any more, or Redis has lost it."""


def change(event: Event) -> bytes:
    return _frame("change", event.id, event.shape)


def reset(reason: Reason, position: int | None) -> bytes:
    """`position`: where the client continues, None for where it is."""
    return _frame("reset", "" if position is None else str(position), {"reason": reason.value})


def purged(reached: Reached, position: int) -> bytes:
    return _frame("purged", str(position), caches(reached))


def seen(position: int) -> bytes:
    """Return what says that all changes up to a position have been looked at."""
    return f"id: {position}\n\n".encode()


def caches(reached: Reached) -> dict[str, str]:
    """Return up to which changes no cache serves the state before: none at all, and none that can be reached."""
    return {"everywhere": str(reached.everywhere), "reachable": str(reached.reachable)}


def _frame(name: str, number: str, data: Mapping[str, Any]) -> bytes:
    said = f"id: {number}\n" if number else ""
    return f"{said}event: {name}\ndata: {_json(data)}\n\n".encode()
