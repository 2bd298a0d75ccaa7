"""A dump that replaces one of its name: whatever happens, one of the two can be restored."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from services.core.dumps.naming import KINDS, Kind
from services.core.dumps.stores import PREFIX, StoredDumps
from services.core.errors import DumpDamaged, EmptyDump, StorageDown
from services.core.spool import prepare
from services.core.storage import NewObject, ObjectMissing, Outcome, StoredObject
from services.core.storage.local import LocalStorage
from services.core.storage.settings import StorageSettings

EVERY_CHOICE: list[tuple[Kind, ...]] = [("json",), ("rdb",), KINDS]
BACKEND = StorageSettings().backend


class Dying(LocalStorage):
    """Local files that cannot be written to any more after so many calls."""

    left = 1000

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.put_names: list[str] = []

    async def put(self, new: Sequence[NewObject]) -> list[Outcome]:
        self._count()
        self.put_names += [one.object.key.removeprefix(PREFIX) for one in new]
        return await super().put(new)

    async def delete(self, stored: Sequence[StoredObject]) -> None:
        self._count()
        await super().delete(stored)

    def _count(self) -> None:
        if self.left == 0:
            raise StorageDown("It died.")
        self.left -= 1


class Nightly:
    """The dumps of the name `nightly` in a store."""

    def __init__(self, folder: Path) -> None:
        self.storage = Dying(folder)
        prepare(self.storage.spool)
        self.store = StoredDumps(self.storage, PREFIX, BACKEND)
        self.folder = folder / PREFIX

    async def make(self, text: str, kinds: tuple[Kind, ...], records: int = 3) -> None:
        paths = {kind: self.storage.spool / f"nightly.{kind}" for kind in KINDS}
        for kind, path in paths.items():
            path.write_text(f"{text} as {kind}, of more bytes than an empty list")
        await self.store.replace(paths["rdb"], paths["json"], records, kinds)

    async def restorable(self) -> set[str]:
        """Return which of the dumps can be restored, by their texts."""
        found = set()
        for kind in KINDS:
            target = self.storage.spool / "fetched"
            try:
                await self.store.fetch(f"nightly.{kind}", target)
            except (ObjectMissing, DumpDamaged):
                continue
            text, _, _ = target.read_text().partition(f" as {kind}")
            found.add(text)
        return found

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.mark.parametrize("before", EVERY_CHOICE)
@pytest.mark.parametrize("kinds", EVERY_CHOICE)
async def test_wherever_the_storage_dies_the_old_dump_or_the_new_one_can_be_restored(
    tmp_path: Path, before: tuple[Kind, ...], kinds: tuple[Kind, ...]
) -> None:
    expected = sorted(f"nightly.{kind}{suffix}" for kind in kinds for suffix in ("", ".sha256"))
    for calls in range(100):
        nightly = Nightly(tmp_path / str(calls))
        await nightly.make("old", before)
        nightly.storage.left = calls
        try:
            await nightly.make("new", kinds)
        except StorageDown:
            assert await nightly.restorable() in ({"old"}, {"new"}, {"old", "new"})
            nightly.storage.left = 1000
            await nightly.make("newer", kinds)
            assert (await nightly.restorable(), nightly.names()) == ({"newer"}, expected)
        else:
            break
    assert calls > 3
    assert (await nightly.restorable(), nightly.names()) == ({"new"}, expected)


@pytest.mark.parametrize("before", EVERY_CHOICE)
@pytest.mark.parametrize("kinds", EVERY_CHOICE)
async def test_a_file_that_is_not_wanted_is_stored_only_where_nothing_else_would_be_left(
    tmp_path: Path, before: tuple[Kind, ...], kinds: tuple[Kind, ...]
) -> None:
    nightly = Nightly(tmp_path)
    await nightly.make("old", before)
    nightly.storage.put_names.clear()
    await nightly.make("new", kinds)
    stored = {name for name in nightly.storage.put_names if not name.endswith(".sha256")}
    assert stored == {f"nightly.{kind}" for kind in (KINDS if kinds == before else kinds)}


@pytest.mark.parametrize("before", EVERY_CHOICE)
@pytest.mark.parametrize("kinds", EVERY_CHOICE)
@pytest.mark.parametrize("recorded", [True, False])
async def test_one_without_entries_does_not_replace_one_that_may_have_some(
    tmp_path: Path, before: tuple[Kind, ...], kinds: tuple[Kind, ...], recorded: bool
) -> None:
    nightly = Nightly(tmp_path)
    await nightly.make("old", before)
    if not recorded:
        for path in nightly.folder.glob("*.sha256"):
            path.unlink()
    names = nightly.names()
    with pytest.raises(EmptyDump, match="nightly"):
        await nightly.make("new", kinds, records=0)
    assert (await nightly.restorable(), nightly.names()) == ({"old"}, names)


async def test_one_without_entries_replaces_one_without(tmp_path: Path) -> None:
    nightly = Nightly(tmp_path)
    await nightly.make("old", KINDS, records=0)
    await nightly.make("new", ("rdb",), records=0)
    assert await nightly.restorable() == {"new"}
    nightly.folder.joinpath("nightly.rdb").unlink()
    await nightly.make("newer", ("rdb",), records=0)
    assert await nightly.restorable() == {"newer"}
