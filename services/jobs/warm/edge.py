"""Asks the nodes of the edge for renditions as a visitor's browser does. What they keep, the cache tier keeps too."""

import asyncio
import time
from collections.abc import Sequence

from services.jobs.http import Answer, Server, Unreachable
from services.jobs.purge.addresses import UnknownName, resolve
from services.jobs.purge.node import TOKEN_HEADER
from services.jobs.warm.forms import Asked, Form, Outcome, outcome, pause

AT_ONCE = 2
"""Requests of one worker at the same time. Visitors have the rest of the processors."""
ATTEMPTS = 4
"""How often a form is asked for while it cannot be made."""
ANSWER_SECONDS = 65.0
"""More than nginx itself waits: if a service hangs, it says so, and is not taken for away."""
_NAMES_SECONDS = 1.0
_AWAY_SECONDS = 10.0
"""For so long a node that did not answer is not asked."""


class Edge:
    """The nodes that `names` stand for. `route` is the public path of the assets.

    With the token of the jobs worker the edge wants no signature.
    """

    def __init__(self, names: Sequence[str], route: str, token: str) -> None:
        self._names, self._route, self._headers = names, route, {TOKEN_HEADER: token}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._found: tuple[str, ...] = ()
        self._look_again = 0.0
        self._failed: dict[str, float] = {}
        self._idle: dict[str, list[Server]] = {}

    def close(self) -> None:
        for servers in self._idle.values():
            for server in servers:
                server.close()
        self._idle.clear()

    async def warm(self, form: Form, unique_name: str) -> list[Asked]:
        """Ask each node for a form of an asset, one after the other; return what became of it at each, at least once.

        The first one has it made, the others get it from the cache tier.
        """
        asked = [await self._warm(node, form, unique_name) for node in await self._nodes()]
        return asked or [Asked(Outcome.AWAY, "no node of the edge can be found")]

    async def _nodes(self) -> tuple[str, ...]:
        """Return the addresses of all nodes. The distributor of changes says which names are unknown."""
        if time.monotonic() >= self._look_again:
            found: list[str] = []
            for name in self._names:
                try:
                    found += await resolve(name)
                except UnknownName:
                    continue
            self._found, self._look_again = tuple(found), time.monotonic() + _NAMES_SECONDS
            for gone in self._idle.keys() - set(found):
                for server in self._idle.pop(gone):
                    server.close()
        return self._found

    async def _warm(self, node: str, form: Form, unique_name: str) -> Asked:
        attempt = 0
        while True:
            attempt += 1
            if time.monotonic() - self._failed.get(node, -_AWAY_SECONDS) < _AWAY_SECONDS:
                return Asked(Outcome.AWAY, f"{node} did not answer a moment ago")
            try:
                answer = await self._ask(node, form, unique_name)
            except Unreachable as error:
                self._failed[node] = time.monotonic()
                return Asked(Outcome.AWAY, f"{node} cannot be reached: {error}")
            found = outcome(answer.status, answer.headers.get("x-cache-status", ""))
            if found is not Outcome.BUSY or attempt == ATTEMPTS:
                return Asked(found, f"{node} answered {answer.status}")
            await asyncio.sleep(pause(answer.headers.get("retry-after", "")))

    async def _ask(self, node: str, form: Form, unique_name: str) -> Answer:
        async with self._turn:
            idle = self._idle.setdefault(node, [])
            server = idle.pop() if idle else Server(node)
            answer = await server.ask(
                "GET",
                self._route + form.path(unique_name),
                {**form.headers, **self._headers},
                seconds=ANSWER_SECONDS,
                keep_body=False,
            )
            idle.append(server)
            return answer
