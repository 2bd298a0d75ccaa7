from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from services.core.dumps import naming
from services.core.errors import NoDumpName


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
