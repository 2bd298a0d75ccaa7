"""Texts as search compares them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.search import colours
from services.catalog.search.words import TEXT_MAX, needle, searched, trigrams, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Été_rouge-12.webp", ["ete", "rouge", "12", "webp"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("Łódź Ærø İstanbul", ["lodz", "aero", "istanbul"]),
        ("ﬁn ＡＢＣ ①", ["fin", "abc", "1"]),
        ("写真 😀", ["写真"]),
    ],
)
def test_words_have_no_case_and_no_accents(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text())
def test_words_are_the_same_when_they_are_read_again(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words


@given(st.text())
def test_case_makes_no_difference(text: str) -> None:
    assert words_of(text.casefold()) == words_of(text)


@given(st.lists(st.text()))
def test_an_entry_is_found_by_each_of_its_words(texts: list[str]) -> None:
    searchable = searched(texts)
    for word in (word for text in texts for word in words_of(text)):
        assert needle(word) in searchable
        assert all(part in searchable for part in trigrams(word))


def test_a_short_word_is_found_only_at_the_beginning_of_words() -> None:
    assert needle("ca") in searched(["cat"])
    assert needle("at") not in searched(["cat"])
    assert needle("ats") in searched(["cats"])
    assert trigrams("c") == []


def test_the_text_of_an_entry_is_bounded() -> None:
    assert len(searched(str(number) for number in range(TEXT_MAX))) == TEXT_MAX


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("#000000", "black"),
        ("#ffffff", "white"),
        ("#808080", "grey"),
        ("#ff0000", "red"),
        ("#ff8800", "orange"),
        ("#ffee00", "yellow"),
        ("#00aa22", "green"),
        ("#00cccc", "cyan"),
        ("#0000ff", "blue"),
        ("#7a00ff", "purple"),
        ("#ff00aa", "pink"),
        ("#ff0010", "red"),
    ],
)
def test_colours_have_names(code: str, name: str) -> None:
    assert colours.name_of(code) == name


@given(st.integers(0, 0xFFFFFF))
def test_every_colour_has_a_name(number: int) -> None:
    assert colours.name_of(f"#{number:06x}") in colours.NAMES
