from typing import Annotated, Any

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from services.core.patterns import WITHOUT_SLASH, matching

PATH = matching(r"(/[a-z]+)+", "a path such as /file")


def read(kind: Any, value: object) -> Any:
    return TypeAdapter(kind).validate_python(value)


@pytest.mark.parametrize("text", ["/file", "/file/s"])
def test_a_text_that_matches_is_taken_as_it_is(text: str) -> None:
    assert read(Annotated[str, PATH], text) == text


@pytest.mark.parametrize("text", ["", "file", "/file/", "/FILE", "/file\n", "x/file"])
def test_the_whole_text_must_match(text: str) -> None:
    with pytest.raises(ValidationError, match="expected a path such as /file"):
        read(Annotated[str, PATH], text)


def test_slashes_at_the_end_are_removed_before() -> None:
    assert read(Annotated[str, WITHOUT_SLASH, PATH], "/file//") == "/file"


def test_an_optional_text_may_be_empty_and_nothing_else() -> None:
    kind = Annotated[str, matching("[0-9]+", "a number", optional=True)]
    assert (read(kind, ""), read(kind, "12")) == ("", "12")
    with pytest.raises(ValidationError, match="expected a number"):
        read(kind, " ")


def test_a_secret_is_looked_at_and_not_shown() -> None:
    kind = Annotated[SecretStr, matching("[a-z]{16,}", "16 letters")]
    assert read(kind, "a" * 16).get_secret_value() == "a" * 16
    with pytest.raises(ValidationError) as refused:
        read(kind, SecretStr("hunter2"))
    assert "hunter2" not in str(refused.value)
