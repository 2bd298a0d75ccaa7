"""What a node says of its copies is read, and what is not understood is refused."""

import pytest

from services.jobs.purge.copies import Copies, Copy, read


def test_copies_are_read() -> None:
    text = (
        b"1796000000 whole\n812 200 1796000001 1796000061 3 /catalog/4ff1\n0 200 5 6 -2 /assets/media/full/DEV/a.webp\n"
    )
    found = read(text)
    assert found == Copies(
        1796000000,
        True,
        (
            Copy("/catalog/4ff1", 812, 200, 1796000001, 1796000061, 3),
            Copy("/assets/media/full/DEV/a.webp", 0, 200, 5, 6, 0),
        ),
    )


def test_a_node_may_have_nothing_and_may_know_only_a_part() -> None:
    assert read(b"5 part\n") == Copies(5, False, ())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>",
        b"5\n",
        b"5 all\n",
        b"x whole\n",
        b"5 whole\n1 2 3 /a\n",
        b"5 whole\n1 200 3 4 x /a\n",
        b"\xff 1\n",
    ],
)
def test_what_is_not_such_an_answer_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)
