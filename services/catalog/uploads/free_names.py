"""Names that no asset has, for uploads that are to get another name if theirs is taken."""

from collections.abc import Collection, Sequence

from services.catalog.uploads import conflicts
from services.catalog.uploads.conflicts import NewAsset
from services.core.assets import identity
from services.core.errors import AlreadyExists
from services.core.state.entries import Entries


class FreeNames:
    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    async def first(self, new: NewAsset, taken: Collection[str]) -> NewAsset:
        """Return the asset under its own name or the first numbered one that is found to be free. None of `taken` is.

        Raises AlreadyExists if there are too many.
        """

        async def free(candidates: Sequence[NewAsset]) -> list[bool]:
            raws = await self._entries.raws([identity.entry_key(one.unique_name) for one in candidates])
            return [raw is None and one.unique_name not in taken for one, raw in zip(candidates, raws, strict=True)]

        if (await free([new.numbered(None)]))[0]:
            return new.numbered(None)
        number = await conflicts.free_number(lambda numbers: free([new.numbered(one) for one in numbers]))
        if number is None:
            there = "Another file, and one under each number that was tried,"
            raise AlreadyExists(new.unique_name, identity.asset_uuid(new.unique_name), there)
        return new.numbered(number)
