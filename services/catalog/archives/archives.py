"""Makes the tickets of archives, and sends those that are fetched."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from hashlib import sha256
from typing import Protocol

from services.catalog.archives.sending import Sees, Sending
from services.catalog.tokens import ANYBODY, Principal, Role
from services.core.errors import TicketInvalid, Unavailable
from services.core.state.archives import Archive, ArchiveRecords
from services.core.state.entry_reader import EntryReader
from services.core.storage import Storage

AT_ONCE = 4
"""Archives that a process sends at the same time."""


class Programs(Protocol):
    @property
    def holders(self) -> tuple[Principal, ...]:
        """The owners of all tokens for programs; anybody, if nobody needs a token."""


class Archives:
    """All methods raise RedisError."""

    def __init__(self, records: ArchiveRecords, reader: EntryReader, storage: Storage, programs: Programs) -> None:
        self._records, self._reader, self._storage, self._programs = records, reader, storage, programs
        self._sent = 0

    def need_room(self) -> None:
        """Raise Unavailable if this process sends as many archives as it may."""
        if self._sent >= AT_ONCE:
            raise Unavailable(f"{AT_ONCE} archives are being sent already.", "Try again when one of them has ended.")

    async def make(self, principal: Principal, unique_names: Sequence[str]) -> str:
        """Return the ticket of an archive with the files of these assets.

        Raises NotFound for none, BadRequest for too many, and TooManyRequests.
        """
        namespaces = None if principal.namespaces is None else tuple(sorted(principal.namespaces))
        is_person = not principal.digest and principal is not ANYBODY
        token = None if is_person else _of_token(principal)
        return await self._records.make(Archive(principal.name, token, namespaces, tuple(unique_names)))

    async def find(self, ticket: str) -> Archive:
        """Return the archive of a ticket; raises TicketInvalid."""
        archive = await self._records.find(ticket)
        self._sees(archive)
        return archive

    @asynccontextmanager
    async def sending(self, ticket: str, archive: Archive) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """Yield the pieces of a ZIP. When all have been sent, the ticket has ended. Raises Unavailable."""
        self.need_room()
        self._sent += 1
        try:
            sending = Sending(self._reader, self._storage, lambda: self._sees(archive))
            async with aclosing(sending.pieces(archive.unique_names)) as pieces:
                yield pieces
            if sending.is_whole:
                await self._records.end(ticket)
        finally:
            self._sent -= 1

    def _sees(self, archive: Archive) -> Sees:
        """Return of which namespaces the maker of an archive may see all files.

        Raises TicketInvalid if the token of the maker is not valid any more. A login is not asked for again.
        """
        namespaces = None if archive.namespaces is None else frozenset(archive.namespaces)
        if archive.token is None:
            return Principal(archive.maker, Role.READ, namespaces).may_use
        # By the token, as two may have one name.
        holder = next((one for one in self._programs.holders if _of_token(one) == archive.token), None)
        if holder is None or holder.role < Role.READ:
            raise TicketInvalid
        return holder.may_use


def _of_token(principal: Principal) -> str:
    """Return what tells the owner of a token. Nobody can find the token by it."""
    return sha256(principal.digest).hexdigest()
