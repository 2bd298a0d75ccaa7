"""A PNG that is cut down to its picture."""

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from services.core.assets.containers.png import pictured
from tests.support.pictures import encoded
from tests.support.pixels import decode
from tests.support.png import chunk
from tests.support.stated_colours import bars, stating

PLAIN = encoded(bars(), "PNG")


def test_what_is_nothing_but_a_picture_is_not_copied() -> None:
    assert pictured(PLAIN) is PLAIN


def test_all_else_goes_and_checksums_become_right() -> None:
    assert pictured(stating(bars(), chunk(b"tEXt", b"a\0b"), chunk(b"gAMA", b"\0\0\0\1", damaged=True))) == PLAIN
    broken = bytearray(PLAIN)
    broken[29] ^= 1  # Of IHDR.
    assert pictured(bytes(broken)) == PLAIN


def test_what_is_cut_short_stays_so() -> None:
    assert pictured(PLAIN[:-20]) == PLAIN[:-20]
    palette = encoded(Image.new("P", (9, 9)), "PNG", transparency=0)
    assert decode(pictured(palette)).info["transparency"] == 0


@given(st.integers(0, 200), st.binary(max_size=30))
def test_whatever_it_is_it_is_read(at: int, change: bytes) -> None:
    pictured(PLAIN[:at] + change + PLAIN[at:])
    pictured(change)
