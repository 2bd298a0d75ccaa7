"""Whose turn is next: renders that wait, in an order that is fair between clients and lets cheap ones pass. Pure.

Work is counted in estimated seconds of processor time (`cost.py`).

- **Between clients** it is self-clocked fair queueing (Golestani 1994, "A self-clocked fair queueing scheme for
  broadband applications"): the next render of a client is tagged with the work that the client will have had when it is
  done, counted from when it began to wait; the lowest tag is next. So clients that wait share the time evenly, and a
  render of eight seconds waits until each other client has had eight seconds, or wants nothing more.
- **Of one client** renders that cost about the same stand in one *row*, first come first served. Its rows take turns in
  the same way as clients do. So small forms pass AVIFs whenever they come, also where one address stands for all
  clients, and a dear render waits until each other row has had as much work as it takes.
- **Late** renders, of who has spent a budget, come after all others (`allowance.py`).
- **The bound**: so many seconds of work wait. If there is no room, who has most work waiting loses the dearest of it:
  somebody who is late, or has more than who asks now; or who asks now, for something dearer.

Renders that several clients wait for stand in the queue of each, and are counted on whose turn comes first.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import frexp, inf
from typing import Generic, TypeVar

Name = TypeVar("Name")


@dataclass(eq=False, slots=True)
class Ticket:
    """One render that waits; `cost` is in seconds."""

    cost: float
    clients: dict[str, bool] = field(default_factory=dict)
    """Who waits for it, and whether they are late."""

    @property
    def row(self) -> int:
        """The row of its cost, which is four to this power at least, and less than to the next one."""
        return (frexp(self.cost)[1] - 1) // 2


@dataclass(eq=False, slots=True)
class _Turns(Generic[Name]):
    """The work that each of several has had; who begins to wait has had as much as the last one whose turn came."""

    _had: dict[Name, float] = field(default_factory=dict)
    _clock: float = 0.0

    def begin(self, name: Name) -> None:
        self._had[name] = self._clock

    def end(self, name: Name) -> None:
        del self._had[name]

    def next(self, firsts: Iterable[tuple[Name, Ticket | None]]) -> tuple[Name, Ticket] | None:
        """Return whose turn it is; `firsts` is what each of them would get."""
        ready = [(name, ticket) for name, ticket in firsts if ticket]
        return min(ready, key=lambda each: self._had[each[0]] + each[1].cost, default=None)

    def charge(self, name: Name, cost: float) -> None:
        """Note that one of them has got what it waited for."""
        self._had[name] += cost
        self._clock = max(self._clock, self._had[name])


@dataclass(eq=False, slots=True)
class _Line:
    """What one client waits for; `seconds` is the work that this is."""

    seconds: float = 0.0
    rows: dict[int, dict[Ticket, None]] = field(default_factory=dict)
    _turns: _Turns[int] = field(default_factory=_Turns)

    def add(self, ticket: Ticket) -> None:
        if ticket.row not in self.rows:
            self.rows[ticket.row] = {}
            self._turns.begin(ticket.row)
        self.rows[ticket.row][ticket] = None
        self.seconds += ticket.cost

    def remove(self, ticket: Ticket) -> None:
        del self.rows[ticket.row][ticket]
        if not self.rows[ticket.row]:
            del self.rows[ticket.row]
            self._turns.end(ticket.row)
        self.seconds -= ticket.cost

    def first(self, cost_max: float) -> Ticket | None:
        if len(self.rows) == 1:  # That of most clients when many wait, and each turn asks all of them.
            [(name, row)] = self.rows.items()
            return _first(row, cost_max) if 4.0**name <= cost_max else None
        rows = ((name, row) for name, row in self.rows.items() if 4.0**name <= cost_max)
        found = self._turns.next((name, _first(row, cost_max)) for name, row in rows)
        return found[1] if found else None

    def charge(self, ticket: Ticket) -> None:
        self._turns.charge(ticket.row, ticket.cost)


class _Lines:
    """The lines of all clients that are on time, or of all that are late."""

    def __init__(self) -> None:
        self.by_client: dict[str, _Line] = {}
        self._turns = _Turns[str]()

    def add(self, client: str, ticket: Ticket) -> None:
        if client not in self.by_client:
            self.by_client[client] = _Line()
            self._turns.begin(client)
        self.by_client[client].add(ticket)

    def remove(self, client: str, ticket: Ticket) -> None:
        line = self.by_client[client]
        line.remove(ticket)
        if not line.rows:
            del self.by_client[client]
            self._turns.end(client)

    def next(self, cost_max: float) -> tuple[str, Ticket] | None:
        """Return whose turn it is, and for what."""
        return self._turns.next((client, line.first(cost_max)) for client, line in self.by_client.items())

    def charge(self, client: str, ticket: Ticket) -> None:
        """Note that a client has got what it waited for."""
        self._turns.charge(client, ticket.cost)
        self.by_client[client].charge(ticket)


class FairQueue:
    """Tickets in their order. `limit` is how many seconds of work may wait; with 0 nothing may."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._on_time, self._late = _Lines(), _Lines()
        self.count = 0
        self.seconds = 0.0
        """The work that waits."""

    def seconds_of(self, client: str) -> float:
        """Return the seconds of work that one client waits for."""
        lines = (each.by_client.get(client) for each in (self._on_time, self._late))
        return sum(line.seconds for line in lines if line)

    def add(self, ticket: Ticket, client: str, *, late: bool = False) -> list[Ticket] | None:
        """Let a ticket wait. Return the tickets that had to leave for it; None if it cannot wait."""
        leaving = self._leaving_for(ticket, client, late=late)
        if leaving is None:
            return None
        for each in leaving:
            self.remove(each)
        self.count += 1
        self.seconds += ticket.cost
        self.join(ticket, client, late=late)
        return leaving

    def join(self, ticket: Ticket, client: str, *, late: bool = False) -> None:
        """Let a client wait for a ticket that another one waits for. It adds no work."""
        if client not in ticket.clients:
            ticket.clients[client] = late
            self._lines(late=late).add(client, ticket)

    def leave(self, ticket: Ticket, client: str) -> None:
        """Forget that a client waits for a ticket; the last one takes the ticket with it."""
        late = ticket.clients.pop(client, None)
        if late is None:
            return
        self._lines(late=late).remove(client, ticket)
        if not ticket.clients:
            self.count -= 1
            self.seconds = self.seconds - ticket.cost if self.count else 0.0

    def remove(self, ticket: Ticket) -> None:
        for client in list(ticket.clients):
            self.leave(ticket, client)

    def take(self, cost_max: float = inf) -> tuple[str, Ticket] | None:
        """Return whose turn it is, for the next ticket of at most this cost; it waits no more."""
        for lines in (self._on_time, self._late):
            found = lines.next(cost_max)
            if found:
                client, ticket = found
                lines.charge(client, ticket)
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


def _first(row: dict[Ticket, None], cost_max: float) -> Ticket | None:
    return next((ticket for ticket in row if ticket.cost <= cost_max), None)


def _alone(line: _Line) -> Iterator[Ticket]:
    """Yield what nobody else waits for: the dearest first, of equal ones who came last."""
    tickets = [ticket for row in line.rows.values() for ticket in reversed(row) if len(ticket.clients) == 1]
    yield from sorted(tickets, key=lambda ticket: -ticket.cost)
