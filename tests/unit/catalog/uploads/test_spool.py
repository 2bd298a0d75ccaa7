import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.catalog.uploads.spool import SpoolWriter
from services.core.errors import StorageDown, TooLarge

OWNER, LIMIT = "host-1-abcd", 1_000_000


@pytest.fixture
def writer(tmp_path: Path) -> SpoolWriter:
    return SpoolWriter(tmp_path, OWNER, "cat.png", "image/png", LIMIT)


async def test_what_is_written_is_on_disk_measured_and_signed(tmp_path: Path) -> None:
    content = bytes(range(256)) * 3000
    writer = SpoolWriter(tmp_path, OWNER, "cat.png", None, LIMIT)
    for start in range(0, len(content), 1000):
        await writer.write(content[start : start + 1000])
    spooled = await writer.finish()
    assert spooled.path.read_bytes() == content
    assert spooled.size == len(content)
    assert spooled.signature == hashlib.sha256(content).hexdigest()
    assert spooled.media_type is None


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 7), max_size=20))
async def test_a_type_is_told_however_small_the_pieces_are(tmp_path: Path, sizes: list[int]) -> None:
    writer = SpoolWriter(tmp_path, OWNER, "cat.svg", None, LIMIT)
    content, at = b"<!-- a comment --><svg xmlns='http://www.w3.org/2000/svg'/>", 0
    for size in [*sizes, len(content)]:
        await writer.write(content[at : at + size])
        at += size
    assert (await writer.finish()).media_type == "image/svg+xml"
    writer.discard()


async def test_most_of_a_large_file_is_on_disk_before_it_is_whole(writer: SpoolWriter) -> None:
    for _ in range(90):
        await writer.write(b"x" * 10_000)
    assert writer.path.stat().st_size >= 900_000 - 300_000


async def test_one_byte_too_many_is_too_large(writer: SpoolWriter) -> None:
    await writer.write(b"x" * LIMIT)
    with pytest.raises(TooLarge) as raised:
        await writer.write(b"x")
    assert raised.value.status == 413


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_discarded_file_is_gone_and_discarding_twice_is_no_error(writer: SpoolWriter, tmp_path: Path) -> None:
    await writer.write(b"x" * 500_000)
    writer.discard()
    writer.discard()
    assert files_in(tmp_path) == []


async def test_no_two_files_share_a_name_and_none_takes_the_clients(tmp_path: Path) -> None:
    writers = [SpoolWriter(tmp_path, OWNER, "../cat.png", None, LIMIT) for _ in range(20)]
    assert len({writer.path for writer in writers}) == 20
    assert all(writer.path.parent == tmp_path and "cat" not in writer.path.name for writer in writers)
    for writer in writers:
        writer.discard()


def test_a_spool_that_cannot_be_written_to_is_a_storage_that_is_down(tmp_path: Path) -> None:
    with pytest.raises(StorageDown) as raised:
        SpoolWriter(tmp_path / "none", OWNER, "cat.png", None, LIMIT)
    assert raised.value.status == 503
