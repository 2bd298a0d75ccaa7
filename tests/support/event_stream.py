"""A client of GET /events that follows the stream, and connects again as the standard says."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.waits import wait_until


@dataclass
class Message:
    """One server-sent event. `id` is where a client continues after it."""

    name: str
    id: str
    data: Any


@dataclass
class Following:
    """What a client has been sent. `ends` counts the connections that have ended."""

    messages: list[Message] = field(default_factory=list)
    last_id: str = ""
    comments: int = 0
    ends: int = 0
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def of(self, name: str) -> list[Any]:
        return [message.data for message in list(self.messages) if message.name == name]

    def wait_for(self, name: str, count: int = 1, within: float = 30) -> list[Any]:
        wait_until(lambda: len(self.of(name)) >= count, within)
        return self.of(name)

    def wait_until_purged(self, number: str, within: float = 30) -> None:
        wait_until(lambda: any(int(one["everywhere"]) >= int(number) for one in self.of("purged")), within)


@contextmanager
def following(
    address: str, token: str = "", last_id: str = "", *, again: float = 0.1, **query: str
) -> Iterator[Following]:
    """Follow a stream while the context is open."""
    found, stop = Following(last_id=last_id), threading.Event()

    def follow() -> None:
        while not stop.is_set():
            with suppress(httpx.HTTPError):
                _read(address, token, query, found, stop)
            found.ends += 1
            time.sleep(again)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    wait_until(lambda: bool(found.statuses))
    yield found
    stop.set()


def _read(address: str, token: str, query: dict[str, str], found: Following, stop: threading.Event) -> None:
    headers = {"accept": "text/event-stream"}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    headers |= {"last-event-id": found.last_id} if found.last_id else {}
    with httpx.stream("GET", address, headers=headers, params=query, timeout=httpx.Timeout(10, read=20)) as answer:
        found.statuses.append(answer.status_code)
        if answer.status_code != 200:
            return
        found.headers = dict(answer.headers)
        lines: dict[str, str] = {}
        for line in answer.iter_lines():
            if stop.is_set():
                return
            name, _, value = line.partition(":")
            if not line:
                found.last_id = lines.get("id", found.last_id)
                if "data" in lines:
                    found.messages.append(Message(lines["event"], found.last_id, json.loads(lines["data"])))
                lines = {}
            elif not name:
                found.comments += 1
            else:
                lines[name] = value.removeprefix(" ")
