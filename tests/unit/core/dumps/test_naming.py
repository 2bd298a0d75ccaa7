from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.dumps import naming
from services.core.errors import BadRequest, NoDumpName
from services.core.jobs.kinds import CreateDumpArguments, parse

BOTH = ("json", "rdb")


def test_a_name_is_of_the_second_in_universal_time() -> None:
    moment = datetime(2025, 8, 12, 16, 30, 52, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert naming.filename_of(naming.stamp_of(moment), "rdb") == "dump_20250812T143052.rdb"
    assert naming.parse("dump_20250812T143052.rdb") == ("dump_20250812T143052", "rdb")


@given(moment=st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)), kind=st.sampled_from(naming.KINDS))
def test_every_name_that_is_made_is_one(moment: datetime, kind: naming.Kind) -> None:
    stamp = naming.stamp_of(moment)
    assert naming.parse(naming.filename_of(stamp, kind)) == (f"dump_{stamp}", kind)


@given(name=st.text() | st.from_regex(r"\A\.*/*[a-z_. ]{0,9}\.(json|rdb)[.\n/a-z0-9]{0,8}\Z"))
def test_what_can_be_asked_for_is_the_name_of_one_file_and_no_path(name: str) -> None:
    try:
        stem, kind = naming.parse(name)
    except NoDumpName:
        return
    assert name == f"{stem}.{kind}"
    assert name.isascii()
    assert len(name) <= naming.FILENAME_MAX
    assert set(name).isdisjoint("/\\ \n")
    assert ".." not in name
    assert not name.startswith(".")


@pytest.mark.parametrize(
    ("filename", "kind", "chosen"),
    [
        (None, None, (None, BOTH)),
        (None, "rdb", (None, ("rdb",))),
        ("before-the-move", None, ("before-the-move", BOTH)),
        ("before-the-move", "json", ("before-the-move", ("json",))),
        ("before.json", None, ("before", ("json",))),
        ("before.json", "json", ("before", ("json",))),
        ("v1.2", None, ("v1.2", BOTH)),
        ("dump_20250812T143052-again", "rdb", ("dump_20250812T143052-again", ("rdb",))),
    ],
)
def test_a_new_dump_has_the_name_and_the_formats_that_are_asked_for(
    filename: str | None, kind: naming.Kind | None, chosen: object
) -> None:
    assert naming.chosen(filename, kind) == chosen
    given = {name: value for name, value in (("filename", filename), ("format", kind)) if value}
    arguments = parse("create_dump", given)
    assert isinstance(arguments, CreateDumpArguments)
    assert arguments.chosen == chosen


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        *(("", None), ("../x", None), ("a/b", None), ("a b", None), ("é", None), (".x", None), ("x.", None)),
        *(("dump_20250812T143052", None), ("dump_20250812T143052.json", None), ("dump_20250812T143052", "rdb")),
        *(("x" * 96, None), ("latest", None), ("latest.json", None), ("x.json", "rdb"), ("x.rdb", "json")),
    ],
)
def test_a_name_that_cannot_be_is_refused_before_the_job_is_queued(filename: str, kind: str | None) -> None:
    with pytest.raises(NoDumpName):
        parse("create_dump", {"filename": filename, **({"format": kind} if kind else {})})


def test_the_longest_name_that_can_be_has_room_for_its_extension() -> None:
    assert parse("create_dump", {"filename": "x" * 95})


def test_another_format_is_refused() -> None:
    with pytest.raises(BadRequest, match="create_dump: format"):
        parse("create_dump", {"format": "csv"})
