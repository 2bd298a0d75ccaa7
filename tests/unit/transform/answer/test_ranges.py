import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.transform.answer.ranges import Unsatisfiable, parse


def asked_bytes(first: int | None, last: int | None, size: int) -> list[int]:
    """Return the positions that a range names, one by one: the slow reading of RFC 9110, 14.1.2."""
    if first is None:
        assert last is not None
        return list(range(size))[-last:] if last else []
    return [at for at in range(size) if at >= first and (last is None or at <= last)]


@given(st.none() | st.integers(0, 60), st.none() | st.integers(0, 60), st.integers(0, 50))
@example(None, 0, 10)
@example(0, 0, 1)
@example(0, None, 0)
def test_a_range_is_what_a_slow_reading_of_it_gives(first: int | None, last: int | None, size: int) -> None:
    if first is None and last is None:
        return
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is not None and last is not None and last < first:
        assert parse(header, size) is None
        return
    wanted = asked_bytes(first, last, size)
    if not wanted:
        with pytest.raises(Unsatisfiable):
            parse(header, size)
        return
    assert parse(header, size) == (wanted[0], len(wanted))


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 1000)),
        ("bytes=10-19", (10, 10)),
        ("bytes=990-5000", (990, 10)),
        ("bytes=-10", (990, 10)),
        ("bytes=-5000", (0, 1000)),
        (" bytes=5-6 ", (5, 2)),
        ("bytes=00-01", (0, 2)),
    ],
)
def test_one_range_is_a_start_and_a_length(header: str, part: tuple[int, int]) -> None:
    assert parse(header, 1000) == part


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=5000-6000", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse(header, 1000)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5",
        "bytes=9-5",
        "bytes=0-1,5-6",
        "bytes=0-1, -5",
        "bytes=--5",
        "bytes=1.5-2",
        "lines=0-5",
        "none=0-5",
        "bytes=0 - 5",
    ],
)
def test_several_ranges_or_none_ask_for_the_whole(header: str) -> None:
    assert parse(header, 1000) is None


@given(st.text(max_size=30), st.integers(0, 100))
@example("9" * 5000 + "-", 100)
@example("-" + "9" * 5000, 100)
@example("0-" + "9" * 5000, 100)
def test_no_header_is_too_odd(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            part = parse(text, size)
        except Unsatisfiable:
            continue
        if part is not None:
            start, length = part
            assert 0 <= start < start + length <= size
