"""Makes tickets, opens them, and counts their uses."""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from services.catalog.tickets import ticket as tickets
from services.catalog.tickets.asking import Asked
from services.catalog.tickets.ticket import TEXT_MAX, Terms, Ticket
from services.catalog.tokens import ANYBODY, Principal, Role
from services.catalog.uploads.writing import BeforeWrite
from services.core.errors import BadRequest, Forbidden, TadaError, TicketEnded, TicketInvalid, TicketUsed
from services.core.state.resumable import Intended
from services.core.state.tickets import TicketRecords

_KEY_SECONDS = 10.0
"""Seconds after which the key in Redis is read again: a ticket of a key that was removed is refused by then."""
_KEY_PAUSE = 1.0
"""Seconds between two reads of it, however many tickets that it has not sealed are sent."""
_ID_BYTES = 12


@dataclass(frozen=True, slots=True)
class Permit:
    """An open ticket. `principal` is who sends the upload: its name has that of the ticket's maker."""

    ticket: Ticket
    principal: Principal

    @property
    def terms(self) -> Terms:
        return self.ticket.terms


class Programs(Protocol):
    @property
    def holders(self) -> tuple[Principal, ...]:
        """The owners of all tokens for programs; anybody, if nobody needs a token."""


class Tickets:
    """All methods raise RedisError."""

    def __init__(
        self,
        records: TicketRecords,
        programs: Programs,
        keys: tuple[str, ...],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys` are the configured ones: the first seals, all open. Without any, the key is in Redis."""
        self._records, self._programs, self._configured, self._clock = records, programs, keys, clock
        self._kept: tuple[str, ...] = ()
        self._kept_at = float("-inf")

    async def make(self, principal: Principal, asked: Asked) -> tuple[str, Ticket]:
        """Return a new ticket and its text.

        Raises BadRequest if it would be too long, and Forbidden for a sender without a token: such a ticket could not
        end with the right to make it.
        """
        if not principal.digest and principal is not ANYBODY:
            raise Forbidden("A ticket is made with a token.", "Let the application ask for it with its own token.")
        [key, *_] = self._configured or (await self._records.make_key(),)
        maker, ends = tickets.maker_of(principal.digest, key), int(self._clock()) + asked.expires_in
        made = Ticket(secrets.token_urlsafe(_ID_BYTES), maker, ends, asked.terms)
        text = tickets.sealed(made, key)
        if len(text) > TEXT_MAX:
            raise BadRequest(
                f"The ticket would have {len(text)} characters, and may have {TEXT_MAX}.", "Shorten its fields."
            )
        return text, made

    async def open(self, text: str, *, begun: bool = False) -> Permit:
        """Return what a ticket allows; of an upload that was `begun` with it, also when it has ended meanwhile.

        Raises TicketEnded, and TicketInvalid: also if the token that made it is not valid any more, or may not write
        there any more.
        """
        ticket, key = await self._opened(text)
        if not begun and self._clock() >= ticket.ends:
            raise TicketEnded
        found = (each for each in self._programs.holders if tickets.maker_of(each.digest, key) == ticket.maker)
        maker = next(found, None)
        namespace = ticket.terms.namespace
        if maker is None or maker.role < Role.WRITE or not maker.may_use(namespace):
            raise TicketInvalid
        return Permit(ticket, Principal(f"ticket of {maker.name}", Role.WRITE, frozenset({namespace})))

    async def take(self, permit: Permit, upload: str, *, alive: str, lasts: int) -> None:
        """Take a use for an upload that begins; raises TicketUsed if there is none.

        `alive` is the key in Redis that is there as long as the upload can still go on, and `lasts` the seconds in
        which it has to be finished after the end of the ticket.
        """
        ticket = permit.ticket
        ends = ticket.ends + lasts
        if not await self._records.take(ticket.id, upload, alive=alive, most=ticket.terms.uses, ends=ends):
            raise TicketUsed

    async def count(self, permit: Permit, upload: str) -> None:
        """Count a use for good, before the catalog is written; raises TicketUsed if the upload has lost it."""
        if not await self._records.count(permit.ticket.id, upload):
            raise TicketUsed

    async def give_back(self, permit: Permit, upload: str) -> None:
        """Give back a use with which nothing was written."""
        await self._records.give_back(permit.ticket.id, upload)

    @asynccontextmanager
    async def using(self, permit: Permit, *, alive: str, lasts: int) -> AsyncIterator[BeforeWrite]:
        """Take a use for an upload that happens in the context, and give it back if that fails; raises TicketUsed.

        Yields what must be awaited just before the catalog is written. If it is unknown after that whether something
        was written, the use stays counted.
        """
        upload, counted = secrets.token_urlsafe(_ID_BYTES), False

        async def count(_: Intended | None = None) -> None:
            nonlocal counted
            if not counted:
                await self.count(permit, upload)
                counted = True

        await self.take(permit, upload, alive=alive, lasts=lasts)
        try:
            yield count
            await count()  # If the asset was there already, there was nothing to write.
        except BaseException as error:
            is_refused = isinstance(error, TadaError) and error.status < 500
            if is_refused or not counted:
                await self.give_back(permit, upload)
            raise

    async def _opened(self, text: str) -> tuple[Ticket, str]:
        keys = await self._keys(_KEY_SECONDS)
        try:
            return tickets.opened(text, keys)
        except TicketInvalid:
            fresh = await self._keys(_KEY_PAUSE)
            if fresh == keys:
                raise
        return tickets.opened(text, fresh)

    async def _keys(self, seconds: float) -> tuple[str, ...]:
        """Return the keys that open tickets, as of that many seconds ago at most."""
        if self._configured:
            return self._configured
        now = time.monotonic()
        if now - self._kept_at >= seconds:
            key = await self._records.key()
            # Noted only now: another request must not go on with the older keys, nor after a failure.
            self._kept, self._kept_at = (key,) if key else (), now
        return self._kept
