"""Answers what the catalog service asks of the caches: how far each node is, and what it has stored of an asset."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from services.core.assets.entries import timestamp
from services.core.state.questions import COPIES, NODES, Fields
from services.jobs.purge.copies import Copies, Copy
from services.jobs.purge.distribution import Distributor, NodeState
from services.jobs.purge.node import GatewayNode, NodeAway


@dataclass(frozen=True, slots=True)
class Caches:
    """The nodes of both tiers. `edges` are the names of those of the edge; `connect` opens a connection to a node.

    `warmed` names the forms that are made before they are asked for.
    """

    distributor: Distributor
    edges: Collection[str]
    connect: Callable[[str], GatewayNode]
    warmed: Sequence[str]

    async def answer(self, what: str, given: Fields) -> Fields | None:
        """Answer a question; None if it is not known, or if another worker knows more."""
        change = int(given.get("change", 0))
        nodes = self._all(change)
        if nodes is None:
            return None
        if what == NODES:
            return {"newest": str(self.distributor.newest), "nodes": [self._state(one, change) for one in nodes]}
        if what == COPIES:
            found = await asyncio.gather(*(self._copies(one, given["groups"]) for one in nodes))
            return {"nodes": found, "warmed": list(self.warmed)}
        return None

    def _all(self, change: int) -> list[NodeState] | None:
        """Return all nodes, those of the edge first, in a stable order; None if they are not all known yet."""
        nodes = self.distributor.nodes(change)
        return nodes and sorted(nodes, key=lambda one: (one.name not in self.edges, one.address))

    def _about(self, node: NodeState) -> Fields:
        return {
            "tier": "edge" if node.name in self.edges else "cache",
            "node": urlsplit(node.address).netloc,
            "away_since": moment(node.absence.since) if node.absence else None,
            "problem": node.absence.why if node.absence else None,
        }

    def _state(self, node: NodeState, change: int) -> Fields:
        lag = None if node.taken_at is None else max(0.0, node.taken_at - change / 1e6)
        return {
            **self._about(node),
            "position": str(node.position),
            "has_change": node.position >= change and (node.position > 0 or not node.absence),
            "seconds": None if lag is None else round(lag, 4),
        }

    async def _copies(self, node: NodeState, groups: Sequence[str]) -> Fields:
        about = self._about(node)
        if not node.absence:
            connection = self.connect(node.address)
            try:
                return {**about, **_told(await connection.copies(groups))}
            except NodeAway as error:
                about["problem"] = str(error)
            finally:
                connection.close()
        return {**about, "counted_since": None, "complete": False, "forms": None}


def _told(found: Copies) -> Fields:
    forms = sorted(found.copies, key=lambda one: one.address)
    return {"counted_since": moment(found.since), "complete": found.is_whole, "forms": [_shown(one) for one in forms]}


def _shown(copy: Copy) -> dict[str, Any]:
    return {
        "address": copy.address,
        "bytes": copy.bytes,
        "status": copy.status,
        "stored_date": moment(copy.stored_at),
        "valid_until": moment(copy.valid_until),
        "hits": copy.hits,
    }


def moment(seconds: float) -> str:
    """Return seconds since 1970 as answers have them."""
    return timestamp(datetime.fromtimestamp(seconds, UTC))
