"""The jobs worker's connection to one node of the gateway: it asks for the position and sends changes.

gateway/nginx/tada/generations.lua is the other side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from services.jobs.http import Server, Unreachable
from services.jobs.purge import copies
from services.jobs.purge.copies import Copies

TOKEN_HEADER = "X-Purge-Token"  # noqa: S105 - the name of the header, not a token
ANSWER_SECONDS = 5.0
COPIES_SECONDS = 2.0
_PATH, _COPIES_PATH = "/generations", "/forms"
_OK, _GAP = 200, 409


class NodeAway(Exception):
    """A node does not follow a request: it is down, cannot be found, is too slow, or refuses the token."""


class Gap(Exception):
    """A node lacks changes before the ones that were sent."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes after `since` up to `to`, each as lines of text. If `since` is None, the node begins again.

    `is_last`: there are no more changes, so the node is up to date then.
    """

    since: int | None
    to: int
    is_last: bool
    lines: Sequence[str]

    def to_text(self) -> str:
        begin = "reset" if self.since is None else self.since
        return f"{begin} {self.to} {'now' if self.is_last else 'more'}\n{''.join(self.lines)}"


class Node(Protocol):
    """A receiver of changes."""

    @property
    def address(self) -> str: ...

    async def position(self) -> int:
        """Return the number of the last change that it has; raises NodeAway."""

    async def apply(self, batch: Batch) -> int:
        """Send changes and return its position after them; raises NodeAway, and Gap if it lacks earlier ones."""

    def close(self) -> None:
        """Give up the connection."""


class GatewayNode:
    """One nginx, by its address. Requests to it are sent one after the other over one connection."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self._server, self._headers = Server(address), {TOKEN_HEADER: token}

    def close(self) -> None:
        self._server.close()

    async def position(self) -> int:
        return await self._ask("GET", b"")

    async def apply(self, batch: Batch) -> int:
        return await self._ask("POST", batch.to_text().encode())

    async def _ask(self, method: str, body: bytes) -> int:
        try:
            # If the connection was closed since its last use: sending the same changes again does no harm.
            answer = await self._server.ask(method, _PATH, self._headers, body, seconds=ANSWER_SECONDS)
        except Unreachable as error:
            raise NodeAway(f"{self.address} cannot be reached: {error}") from error
        if answer.status == _GAP:
            raise Gap
        if answer.status != _OK:
            raise NodeAway(f"{self.address} answered {answer.status} to {method} {_PATH}")
        try:
            return int(orjson.loads(answer.body)["position"])
        except (ValueError, TypeError, KeyError) as error:
            raise NodeAway(f"{self.address} is not a node of this gateway: it has no position") from error

    async def copies(self, groups: Sequence[str]) -> Copies:
        """Return what the node has stored of some purge groups; raises NodeAway."""
        body = "\n".join(groups).encode()
        try:
            answer = await self._server.ask("POST", _COPIES_PATH, self._headers, body, seconds=COPIES_SECONDS)
        except Unreachable as error:
            raise NodeAway(f"{self.address} cannot be reached: {error}") from error
        if answer.status != _OK:
            raise NodeAway(f"{self.address} answered {answer.status} to POST {_COPIES_PATH}")
        try:
            return copies.read(answer.body)
        except ValueError as error:
            raise NodeAway(f"{self.address} gave an answer to POST {_COPIES_PATH} that is not known") from error
