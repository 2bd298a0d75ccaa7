import pytest

from services.jobs.describe.colours import dominant

RED, GREY, CLEAR = (250, 10, 20, 255), (120, 120, 120, 255), (0, 255, 0, 0)


@pytest.mark.parametrize(
    ("pixels", "colour"),
    [
        ([RED], "#fa0a14"),
        ([RED, RED, GREY], "#fa0a14"),
        ([RED, GREY, GREY], "#787878"),
        # Shades of one colour count together, and their mean is the answer.
        ([RED, RED, (96, 96, 96, 255), (112, 112, 112, 255), (127, 127, 127, 255)], "#707070"),
        # What is see-through is not counted.
        ([*[CLEAR] * 9, RED], "#fa0a14"),
        ([(0, 0, 255, 127), (0, 0, 255, 127), (*RED[:3], 128)], "#fa0a14"),
        # Of equally frequent ones the darkest.
        ([(255, 255, 255, 255), (0, 0, 0, 255)], "#000000"),
        ([(0, 0, 0, 255), (255, 255, 255, 255)], "#000000"),
        ([CLEAR], None),
        ([], None),
    ],
)
def test_the_most_frequent_colour_dominates(pixels: list[tuple[int, ...]], colour: str | None) -> None:
    assert dominant(pixels) == colour
