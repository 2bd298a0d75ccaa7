"""When parts of a resumable upload become one, and how they are named."""

from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import parts
from services.core.assets.parts import PIECE, Part

SIZES = st.integers(0, 23).flatmap(lambda power: st.integers(1, min(2**power, PIECE)))


@given(st.lists(SIZES, max_size=60))
def test_however_a_client_is_cut_there_are_few_parts_and_little_is_written_again(sizes: list[int]) -> None:
    recorded: list[Part] = []
    written = 0
    for number, size in enumerate(sizes):
        small = parts.absorbed(recorded, size)
        kept = recorded[: len(recorded) - len(small)]
        assert [*kept, *small] == recorded, "the last ones, in their order"
        made = Part(str(number), size + sum(part.size for part in small))
        assert made.size <= PIECE
        written += made.size
        recorded = [*kept, made]
    total = sum(sizes)
    assert sum(part.size for part in recorded) == total
    assert len(recorded) <= 24 * (1 + 2 * total // PIECE)
    assert written <= 40 * total


def test_a_thousand_requests_of_a_byte_make_a_handful_of_parts() -> None:
    recorded: list[Part] = []
    for number in range(1000):
        small = parts.absorbed(recorded, 1)
        recorded[len(recorded) - len(small) :] = [Part(str(number), 1 + sum(part.size for part in small))]
    assert len(recorded) < 10


def test_keys_sort_as_their_offsets_do_and_name_their_upload() -> None:
    offsets = [0, 9, 10, 5 * 1024**2, 10**12]
    made = [parts.new_key("ab12", offset, "ff") for offset in offsets]
    assert made == sorted(made)
    assert {parts.upload_of(key) for key in made} == {"ab12"}
