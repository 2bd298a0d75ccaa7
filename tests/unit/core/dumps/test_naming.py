from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.dumps import naming
from services.core.errors import NoDumpName

STAMPS = st.lists(st.integers(0, 40).map(lambda number: f"202501{number:02}T000000"), max_size=20)


def test_a_name_is_of_the_second_in_universal_time() -> None:
    moment = datetime(2025, 8, 12, 16, 30, 52, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert naming.filename_of(naming.stamp_of(moment), "rdb") == "dump_20250812T143052.rdb"
    assert naming.parse("dump_20250812T143052.rdb") == ("20250812T143052", "rdb")


@given(moment=st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)), kind=st.sampled_from(naming.KINDS))
def test_every_name_that_is_made_is_one(moment: datetime, kind: naming.Kind) -> None:
    stamp = naming.stamp_of(moment)
    assert naming.parse(naming.filename_of(stamp, kind)) == (stamp, kind)


@given(name=st.text() | st.from_regex(r"\A\.*/*dump_[0-9]{7,9}T[0-9]{6}\.(json|rdb)[.\n/a-z0-9]{0,8}\Z"))
def test_what_can_be_asked_for_is_the_name_of_a_dump_and_nothing_else(name: str) -> None:
    try:
        stamp, kind = naming.parse(name)
    except NoDumpName:
        return
    assert name == f"dump_{stamp}.{kind}"
    assert name.isascii()
    assert len(name) == len("dump_20250812T143052.") + len(kind)


@pytest.mark.parametrize(
    ("found", "json", "rdb"),
    [
        ([], None, None),
        (["dump_20250101T000000.json.sha256", "notes.json", "dump_1.json"], None, None),
        (["dump_20250101T000000.json", "dump_20250101T000000.rdb"], "0101", "0101"),
        # The younger one is being stored: its JSON comes last.
        (["dump_20250101T000000.json", "dump_20250101T000000.rdb", "dump_20250102T000000.rdb"], "0101", "0101"),
        (["dump_20250102T000000.rdb", "dump_20250101T000000.rdb"], None, "0102"),
        (["dump_20250102T000000.json", "dump_20250101T000000.json"], "0102", None),
    ],
)
def test_the_latest_file_is_of_a_whole_dump_if_there_is_one(
    found: list[str], json: str | None, rdb: str | None
) -> None:
    for kind, wanted in (("json", json), ("rdb", rdb)):
        name = None if wanted is None else f"dump_2025{wanted}T000000.{kind}"
        assert naming.latest_of(found, kind) == name  # type: ignore[arg-type]


@given(stamps=STAMPS, keep=st.integers(0, 25), data=st.data())
def test_the_oldest_go_until_as_many_are_left_as_shall_be_kept(
    stamps: list[str], keep: int, data: st.DataObject
) -> None:
    protected = data.draw(st.sampled_from(stamps)) if stamps else "20250101T000000"
    removed = naming.surplus(stamps, keep, protected)
    left = set(stamps) - set(removed)
    assert protected not in removed
    if keep == 0:
        assert removed == []
    else:
        assert set(sorted(set(stamps))[-keep:]) <= left
        assert left <= {protected, *sorted(set(stamps))[-keep:]}
