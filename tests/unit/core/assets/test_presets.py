"""How PRESETS is read: the names and what they stand for, whatever that is."""

import pytest

from services.core.assets import presets


def test_presets_are_read_with_what_they_stand_for() -> None:
    assert presets.read(" thumb: 200x200?fit=contain&quality=70;hero-2:1600x0 ;; ") == {
        "thumb": "200x200?fit=contain&quality=70",
        "hero-2": "1600x0",
    }
    assert presets.read("") == {}


@pytest.mark.parametrize("text", ["Thumb:1x1", "image:1x1", "1:1x1", ":1x1", "a_b:1x1", f"{'a' * 33}:1x1"])
def test_a_name_that_no_address_can_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a preset's name has small letters"):
        presets.read(text)


def test_a_name_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="'thumb' is there twice"):
        presets.read("thumb:1x1;thumb:2x2")
