"""What is in an archive, and that nothing of it is kept while it is sent."""

import io
import subprocess
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile
from zlib import crc32

import pytest

from services.catalog.archives.sending import DAMAGED, GONE, LOST, UNSEEN, Sending, free_name, path_of
from services.catalog.archives.zip_stream import ZipStream
from services.core.assets.entries import Entry
from services.core.errors import StorageDown
from services.core.state import entry_json
from services.core.state.entry_reader import EntryReader
from services.core.storage import ObjectMissing, Storage, StoredObject
from tests.support.entries import made_entry

NOW = datetime(2026, 11, 30, 12, 0, 2, tzinfo=UTC)


class Catalog:
    """Entries and their bytes, by path. What is asked for is noted."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.bytes: dict[str, bytes | Exception] = {}
        self.open = 0

    def add(self, name: str, content: bytes = b"meow", **fields: Any) -> str:
        made = made_entry(name, **fields)
        entry = replace(made, signature=sha256(content).hexdigest(), size=len(content))
        self.entries[entry.unique_name], self.bytes[entry.storage_key] = entry, content
        return entry.unique_name

    async def read(self, uuids: Sequence[str]) -> list[bytes | None]:
        by_uuid = {entry.uuid: entry_json.write(entry) for entry in self.entries.values()}
        return [by_uuid.get(uuid) for uuid in uuids]

    async def stream(self, stored: StoredObject) -> AsyncGenerator[bytes, None]:
        content = self.bytes.get(stored.key, ObjectMissing())
        if isinstance(content, Exception):
            raise content
        self.open += 1
        try:
            for at in range(0, len(content), 65536):
                yield content[at : at + 65536]
        finally:
            self.open -= 1


def sending(catalog: Catalog, sees: bool = True) -> Sending:
    return Sending(cast("EntryReader", catalog), cast("Storage", catalog), lambda: lambda namespace: sees)


async def sent(catalog: Catalog, names: Sequence[str], sees: bool = True) -> bytes:
    return b"".join([piece async for piece in sending(catalog, sees).pieces(names)])


def members(whole: bytes) -> dict[str, bytes]:
    found = ZipFile(io.BytesIO(whole))
    assert found.testzip() is None
    return {name: found.read(name) for name in found.namelist()}


async def test_two_thousand_files_are_sent_whole_and_in_order() -> None:
    catalog = Catalog()
    names = [catalog.add(f"photo-{at}.jpg", b"%d" % at, destination=f"shop/{at % 7}") for at in range(2000)]
    found = members(await sent(catalog, names))
    assert list(found) == [name.removeprefix("/").replace(".webp", ".jpg") for name in names]
    assert list(found.values()) == [b"%d" % at for at in range(2000)]


async def test_a_large_file_is_never_in_memory_as_a_whole() -> None:
    catalog = Catalog()
    name = catalog.add("large.jpg", bytes(30 * 1024**2))
    pieces = [len(piece) async for piece in sending(catalog).pieces([name])]
    assert len(pieces) > 100
    assert max(pieces) < 512 * 1024


async def test_what_cannot_be_sent_is_named_and_everything_else_is_there() -> None:
    catalog = Catalog()
    names = [
        catalog.add("first.jpg", b"first"),
        "/DEV/gone.webp",
        catalog.add("lost.jpg"),
        catalog.add("damaged.jpg", b"x" * 200_000),
        catalog.add("expired.jpg", expired=True),
        catalog.add("last.jpg", b"last"),
    ]
    del catalog.bytes[catalog.entries["/DEV/lost.webp"].storage_key]
    catalog.bytes[catalog.entries["/DEV/damaged.webp"].storage_key] = b"x" * 199_999 + b"y"
    found = members(await sent(catalog, names, sees=False))
    assert list(found) == ["DEV/first.jpg", "DEV/last.jpg", "MISSING.txt"]
    assert found["DEV/last.jpg"] == b"last"
    said = found["MISSING.txt"].decode().splitlines()[2:]
    whys = (("gone", GONE), ("lost", LOST), ("damaged", DAMAGED), ("expired", UNSEEN))
    assert said == [f"/DEV/{name}.webp: {why}" for name, why in whys]
    assert catalog.open == 0
    assert "DEV/expired.jpg" in members(await sent(catalog, names, sees=True))


async def test_a_file_that_is_replaced_at_the_same_moment_is_the_new_one() -> None:
    catalog = Catalog()
    name = catalog.add("cat.jpg", b"before")
    before = catalog.entries[name]
    after = replace(before, signature=sha256(b"after").hexdigest(), size=5, storage_key="DEV/cat.webp.2", version=2)
    catalog.bytes = {after.storage_key: b"after"}
    read = catalog.read

    async def read_before(uuids: Sequence[str]) -> list[bytes | None]:
        found = await read(uuids)
        catalog.entries[name] = after
        return found

    catalog.read = read_before  # type: ignore[method-assign]
    assert members(await sent(catalog, [name])) == {"DEV/cat.jpg": b"after"}


async def test_a_storage_that_is_down_ends_it_unfinished() -> None:
    catalog = Catalog()
    names = [catalog.add("one.jpg"), catalog.add("two.jpg")]
    catalog.bytes[catalog.entries[names[1]].storage_key] = StorageDown("It is down.")
    one = sending(catalog)
    with pytest.raises(StorageDown):
        [piece async for piece in one.pieces(names)]
    assert not one.is_whole


async def test_a_reader_who_leaves_lets_go_of_the_storage() -> None:
    catalog = Catalog()
    pieces = sending(catalog).pieces([catalog.add("large.jpg", bytes(1024**2))])
    await anext(pieces)
    assert catalog.open == 1
    await pieces.aclose()
    assert catalog.open == 0


def test_a_path_in_an_archive_has_the_extension_of_the_stored_bytes() -> None:
    entry = made_entry("cat.jpg", destination="pets")
    assert (entry.unique_name, path_of(entry)) == ("/DEV/pets/cat.webp", "DEV/pets/cat.jpg")
    assert path_of(replace(entry, stored_mimetype="image/webp")) == "DEV/pets/cat.webp"


def test_two_files_never_have_one_path() -> None:
    taken = {"DEV/a.jpg", "DEV/a-2.jpg"}
    assert free_name("DEV/a.jpg", taken) == "DEV/a-3.jpg"
    assert free_name("DEV/b.jpg", taken) == "DEV/b.jpg"


def test_a_member_of_more_than_four_gigabytes_can_be_read(tmp_path: Path) -> None:
    made = ZipStream()
    made.begin("DEV/large.bin", 5 * 1024**3, NOW)  # As long as it may be: where sizes stand, there is room for them.
    made.write(b"meow")
    made.finish()
    made.begin("DEV/small.bin", 4, datetime(1970, 1, 1, tzinfo=UTC))
    made.write(b"meow")
    made.finish()
    made.close()
    path = tmp_path / "made.zip"
    path.write_bytes(made.take())
    with ZipFile(path) as found:
        assert [found.read(name) for name in found.namelist()] == [b"meow", b"meow"]
        assert found.infolist()[0].date_time == (2026, 11, 30, 12, 0, 2)
    subprocess.run(["unzip", "-tq", path], check=True, capture_output=True)


def test_a_member_that_is_dropped_is_valid_for_nobody() -> None:
    made = ZipStream()
    made.begin("DEV/dropped.bin", 4, NOW)
    made.write(b"meow")
    made.drop()
    made.close()
    sent = made.take()
    assert crc32(b"meow").to_bytes(4, "little") not in sent
    assert members(sent) == {}
