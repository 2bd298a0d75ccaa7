"""A remote HTTP service as the storage, by the protocol that examples/distant_backend shows.

The backend keeps the files of an asset under one path, so a new version replaces the last one. The backend decides
whether an old version can still be read by its number.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import orjson

from services.core.assets import media_types
from services.core.assets.stored_object import StoredObject
from services.core.errors import StorageDown
from services.core.spool import spool_of
from services.core.storage.attempts import attempt, resumed
from services.core.storage.base import Listed, ListingUnsupported, NewObject, Outcome
from services.core.storage.distant import forms
from services.core.storage.distant.client import NO_SUCH_ROUTE, DistantClient, complain, note
from services.core.storage.distant.reader import Reader
from services.core.storage.distant.readiness import Readiness
from services.core.storage.distant.sender import Sender
from services.core.storage.settings import StorageSettings

_PAGE = 1000
_PAGES = (media_types.HTML, media_types.JSON)
"""Types of answers that are not an asset. A backend that guesses types may use them for an SVG, but for nothing
else."""


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a list, and the request for the next page."""

    items: tuple[Listed, ...]
    following: str | None


class DistantStorage:
    """Files at a distant backend."""

    def __init__(self, settings: StorageSettings) -> None:
        self.spool = spool_of(settings.data_folder_path)
        self._client = DistantClient(settings)
        self._single = settings.delegated_storage_single_path
        self._multi = settings.delegated_storage_multi_path
        self._sender = Sender(self._client, self._single, self._multi)
        self._ready = Readiness(settings, self._client)
        self._addresses = settings.addresses

    async def open(self) -> None:
        await self._client.open()

    async def close(self) -> None:
        await self._client.close()

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        return await self._sender.send([self._addressed_file(one) for one in new], replaces=False)

    async def replace(self, new: Sequence[NewObject]) -> list[Outcome]:
        return await self._sender.send([self._addressed_file(one) for one in new], replaces=True)

    async def read(self, stored: StoredObject) -> bytes:
        async def whole() -> bytes:
            return b"".join([chunk async for chunk in self._reader(stored).open_at(0, None)])

        return await attempt(self._client.policy, whole)

    def stream(self, stored: StoredObject, start: int = 0, length: int | None = None) -> AsyncGenerator[bytes, None]:
        return resumed(self._client.policy, self._reader(stored).open_at, start, length)

    async def size(self, stored: StoredObject) -> int:
        return await attempt(self._client.policy, lambda: self._reader(stored).size())

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        for batch in forms.batches_of(stored):
            together = len(batch) > 1 and await attempt(self._client.policy, partial(self._delete_several, batch))
            for one in () if together else batch:
                await attempt(self._client.policy, partial(self._delete_one, one))

    async def list(self, prefix: str = "") -> AsyncIterator[Listed]:
        after = ""
        while True:
            query = {"prefix": f"/{prefix}", "after": after, "limit": str(_PAGE)}
            page = await attempt(self._client.policy, partial(self._page, query))
            for listed in page.items:
                if listed.key.startswith(prefix):
                    yield listed
            if page.following is None:
                return
            if page.following == after:
                raise StorageDown("The storage repeats the same page of its list.")
            after = page.following

    async def ready(self) -> None:
        await self._ready.check()

    def _addressed_file(self, new: NewObject) -> NewObject:
        return replace(new, object=self._addressed(new.object))

    def _addressed(self, stored: StoredObject) -> StoredObject:
        """Return an object with the public addresses of its asset, as the protocol has them."""
        addresses = self._addresses.of(forms.filepath(stored))
        return replace(stored, fields={**stored.fields, **addresses})

    def _reader(self, stored: StoredObject) -> Reader:
        pages = () if stored.media_type == media_types.SVG else _PAGES
        return Reader(self._client, self._ready, self._single, forms.address(stored), pages)

    async def _delete_one(self, stored: StoredObject) -> None:
        async with self._client.ask("DELETE", self._single, json=forms.entry(self._addressed(stored))) as answer:
            if answer.status != 404 and not 200 <= answer.status < 300:
                raise await complain("DELETE", self._single, answer)
            await answer.body()
        if answer.status == 404:
            await self._ready.believe_404()

    async def _delete_several(self, batch: Sequence[StoredObject]) -> bool:
        """Delete several objects; return False if the backend cannot delete several."""
        entries = [forms.entry(self._addressed(stored)) for stored in batch]
        async with self._client.ask("DELETE", self._multi, json=entries) as answer:
            if answer.status in NO_SUCH_ROUTE:
                await answer.body()
                return False
            if not 200 <= answer.status < 300:
                raise await complain("DELETE", self._multi, answer)
            body = await answer.body()
        if answer.status != 204 and (failed := _errors_in(body)):
            note("DELETE", self._multi, answer.status, body)
            raise StorageDown(f"The storage has not deleted {failed} of {len(batch)} files.")
        return True

    async def _page(self, query: dict[str, str]) -> _Page:
        async with self._client.ask("GET", self._multi, query) as answer:
            if answer.status != 200 and answer.status not in NO_SUCH_ROUTE:
                raise await complain("GET", self._multi, answer)
            body = await answer.body()
        if answer.status in NO_SUCH_ROUTE:
            await self._ready.believe_404()
            raise ListingUnsupported
        try:
            return _page_in(body)
        except (ValueError, TypeError, KeyError, AttributeError):
            note("GET", self._multi, answer.status, body)
            raise StorageDown("The storage sent a list that cannot be read.") from None


def _page_in(body: bytes) -> _Page:
    page = orjson.loads(body)
    following = page.get("next")
    if not isinstance(following, str | None):
        raise TypeError
    return _Page(
        tuple(Listed(item["filepath"].removeprefix("/"), int(item["size"])) for item in page["data"]), following
    )


def _errors_in(body: bytes) -> int:
    """Return how many errors an answer has; raises StorageDown if it is not valid."""
    try:
        return len(orjson.loads(body).get("errors") or [])
    except (ValueError, TypeError, AttributeError):
        raise StorageDown("The storage did not state what it has deleted.") from None
