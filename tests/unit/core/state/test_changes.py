import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.state import changes
from services.core.state.changes import CatalogReplaced, Change, EntryDeleted, EntryDescribed, EntryWritten


class FakeRedis:
    """A log that holds what it is made of."""

    def __init__(self, held: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        self.held = held

    async def xrange(self, key: str, **_: object) -> list[tuple[bytes, dict[bytes, bytes]]]:
        return self.held

    async def xrevrange(self, key: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        return self.held[::-1][:count]


async def read(stream_id: str, **fields: str) -> Change:
    held = [(stream_id.encode(), {name.encode(): value.encode() for name, value in fields.items()})]
    log = changes.ChangeLog(FakeRedis(held))  # type: ignore[arg-type]
    [found] = await log.from_(0, 10)
    assert await log.latest() == found
    return found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1764066000000001", 1764066000000001),
        ("1764066000000001-0", 1764066000000001),
        ("1764455000123-1", 1764455000123),
        ("0", 0),
    ],
)
def test_a_number_is_read_from_a_revision_and_from_the_id_of_an_entry_of_the_log(text: str, number: int) -> None:
    assert changes.number_of(text) == changes.number_of(text.encode()) == number


@given(number=st.integers(0, 10**16 - 1), part=st.integers(0, 2**63))
def test_every_number_comes_back_whole(number: int, part: int) -> None:
    for text in (str(number), f"{number}-{part}"):
        assert changes.number_of(text) == changes.number_of(text.encode()) == number


def test_a_change_is_as_old_as_its_number_says_and_never_of_tomorrow() -> None:
    number = 1_764_066_000_000_000
    assert changes.age(number, 1_764_066_000.0) == 0
    assert changes.age(number, 1_764_066_002.5) == 2.5
    assert changes.age(number, 1_764_065_000.0) == 0


async def test_each_kind_of_change_is_read_as_what_it_is() -> None:
    origin = {"request_id": "0123456789abcdef", "traceparent": "00-1-2-01"}
    entry = {"uuid": "u", "unique_name": "/DEV/cat.webp", "original_name": "/DEV/cat.jpg"}
    common = (17, origin["request_id"], origin["traceparent"])
    assert await read("17-0", kind="written", **entry, **origin) == EntryWritten(*common, "u", "/DEV/cat.webp")
    assert await read("17-0", kind="deleted", **entry, **origin) == EntryDeleted(
        *common, "u", "/DEV/cat.webp", "/DEV/cat.jpg"
    )
    also = {"also": "/DEV/b/cat.webp /DEV/a/cat.webp"}
    written = await read("17-0", kind="written", **entry, **also)
    deleted = await read("17-0", kind="deleted", **entry, **also)
    assert isinstance(written, EntryWritten)
    assert isinstance(deleted, EntryDeleted)
    assert written.also == deleted.also == ("/DEV/b/cat.webp", "/DEV/a/cat.webp")
    assert await read("17-0", kind="described", **entry, **origin) == EntryDescribed(*common, "u", "/DEV/cat.webp")
    assert await read("17-0", kind="replaced", **origin) == CatalogReplaced(*common)


async def test_names_are_read_in_every_script() -> None:
    found = await read("17-0", kind="written", uuid="u", unique_name="/DEV/été/猫.webp")
    assert isinstance(found, EntryWritten)
    assert found.unique_name == "/DEV/été/猫.webp"


@pytest.mark.parametrize("kind", ["turned-upside-down", ""])
async def test_a_kind_of_a_later_version_is_of_the_whole_catalog(kind: str) -> None:
    found = await read("17-0", kind=kind, uuid="u", unique_name="/DEV/cat.webp", request_id="r", traceparent="t")
    assert found == CatalogReplaced(17, "r", "t")


async def test_an_empty_log_has_no_last_change() -> None:
    log = changes.ChangeLog(FakeRedis([]))  # type: ignore[arg-type]
    assert await log.latest() is None
    assert await log.from_(0, 10) == []
