"""Whose turn is next: renders that wait, in an order that is fair between clients and lets cheap ones pass. Pure.

Work is counted in estimated seconds of processor time (`cost.py`).

- **Between clients** it is self-clocked fair queueing (Golestani 1994, "A self-clocked fair queueing scheme for
  broadband applications"): the next render of a client is tagged with the work that the client will have had when it is
  done, counted from when it began to wait; the lowest tag is next. So clients that wait share the time evenly, and a
  render of eight seconds waits until each other client has had eight seconds, or wants nothing more.
- **Of one client** a render lets others pass that are cheaper, if they come within `PATIENCE` times the difference.
- **Late** renders, of who has spent a budget, come after all others (`allowance.py`).
- **The bound**: so many seconds of work wait. If there is no room, who has most work waiting loses what would have been
  done last: somebody who is late, or has more than who asks now; or who asks now, for something dearer.

Renders that several clients wait for stand in the queue of each, and are counted on whose turn comes first.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from math import inf

PATIENCE = 2.0
"""Seconds that a render of one second lets others of the same client pass."""


@dataclass(eq=False, slots=True)
class Ticket:
    """One render that waits; `cost` is in seconds."""

    cost: float
    places: dict[str, "_Place"] = field(default_factory=dict)
    """Where it stands in the line of each client that waits for it."""


@dataclass(order=True, frozen=True, slots=True)
class _Place:
    due: float
    number: int
    ticket: Ticket = field(compare=False)
    late: bool = field(compare=False)


@dataclass(eq=False, slots=True)
class _Line:
    """What one client waits for, in order; `seconds` is the work that this is."""

    had: float
    """The work that the client has had; who begins to wait has had as much as the last one whose turn came."""
    places: list[_Place] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, place: _Place) -> None:
        insort(self.places, place)
        self.seconds += place.ticket.cost

    def remove(self, place: _Place) -> None:
        del self.places[bisect_left(self.places, place)]
        self.seconds -= place.ticket.cost

    def first(self, cost_max: float) -> Ticket | None:
        return next((place.ticket for place in self.places if place.ticket.cost <= cost_max), None)


class _Lines:
    """The lines of all clients that are on time, or of all that are late."""

    def __init__(self) -> None:
        self.by_client: dict[str, _Line] = {}
        self._clock = 0.0

    def add(self, client: str, place: _Place) -> None:
        if client not in self.by_client:
            self.by_client[client] = _Line(self._clock)
        self.by_client[client].add(place)

    def remove(self, client: str, place: _Place) -> None:
        line = self.by_client[client]
        line.remove(place)
        if not line.places:
            del self.by_client[client]

    def next(self, cost_max: float) -> tuple[str, Ticket] | None:
        """Return whose turn it is, and for what."""
        firsts = ((client, line.had, line.first(cost_max)) for client, line in self.by_client.items())
        ready = [(had + ticket.cost, client, ticket) for client, had, ticket in firsts if ticket]
        if not ready:
            return None
        _, client, ticket = min(ready, key=lambda each: each[0])
        return client, ticket

    def charge(self, client: str, cost: float) -> None:
        """Note that a client has got what it waited for."""
        line = self.by_client[client]
        line.had += cost
        self._clock = max(self._clock, line.had)


class FairQueue:
    """Tickets in their order. `limit` is how many seconds of work may wait; with 0 nothing may."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._on_time, self._late = _Lines(), _Lines()
        self._numbers = count()
        self.count = 0
        self.seconds = 0.0
        """The work that waits."""

    def seconds_of(self, client: str) -> float:
        """Return the seconds of work that one client waits for."""
        lines = (each.by_client.get(client) for each in (self._on_time, self._late))
        return sum(line.seconds for line in lines if line)

    def add(self, ticket: Ticket, client: str, now: float, *, late: bool = False) -> list[Ticket] | None:
        """Let a ticket wait. Return the tickets that had to leave for it; None if it cannot wait."""
        leaving = self._leaving_for(ticket, client, late=late)
        if leaving is None:
            return None
        for each in leaving:
            self.remove(each)
        self.count += 1
        self.seconds += ticket.cost
        self.join(ticket, client, now, late=late)
        return leaving

    def join(self, ticket: Ticket, client: str, now: float, *, late: bool = False) -> None:
        """Let a client wait for a ticket that another one waits for. It adds no work."""
        if client not in ticket.places:
            place = _Place(now + PATIENCE * ticket.cost, next(self._numbers), ticket, late)
            ticket.places[client] = place
            self._lines(late=late).add(client, place)

    def leave(self, ticket: Ticket, client: str) -> None:
        """Forget that a client waits for a ticket; the last one takes the ticket with it."""
        place = ticket.places.pop(client, None)
        if place is None:
            return
        self._lines(late=place.late).remove(client, place)
        if not ticket.places:
            self.count -= 1
            self.seconds = self.seconds - ticket.cost if self.count else 0.0

    def remove(self, ticket: Ticket) -> None:
        for client in list(ticket.places):
            self.leave(ticket, client)

    def take(self, cost_max: float = inf) -> tuple[str, Ticket] | None:
        """Return whose turn it is, for the next ticket of at most this cost; it waits no more."""
        for lines in (self._on_time, self._late):
            found = lines.next(cost_max)
            if found:
                client, ticket = found
                lines.charge(client, ticket.cost)
                self.remove(ticket)
                return found
        return None

    def _lines(self, *, late: bool) -> _Lines:
        return self._late if late else self._on_time

    def _leaving_for(self, ticket: Ticket, client: str, *, late: bool) -> list[Ticket] | None:
        """Return which tickets must leave so that another one may wait; None if it is refused itself."""
        needed = self.seconds + ticket.cost - self._limit
        if needed <= 0 or (self._limit and not self.count):
            return []
        own, leaving = self.seconds_of(client) + ticket.cost, []
        for lines in (self._late,) if late else (self._late, self._on_time):
            others_are_late = not late and lines is self._late
            for other, line in sorted(lines.by_client.items(), key=lambda each: -each[1].seconds):
                left = line.seconds
                for last in _alone(line):
                    fair = last.cost > ticket.cost if other == client else left - last.cost >= own
                    if fair or others_are_late:
                        leaving.append(last)
                        left -= last.cost
                        needed -= last.cost
                    if needed <= 0:
                        return leaving
        return None


def _alone(line: _Line) -> Iterator[Ticket]:
    """Yield what nobody else waits for, what would be done last first."""
    return (place.ticket for place in reversed(line.places) if len(place.ticket.places) == 1)
