"""The texts of the older service are a promise to its clients: each is written here once more, word for word; those of
NotReplaceable are in tests/unit/core/assets/test_entries.py.
"""

import pytest

from services.core import errors
from services.core.errors import Subject, TadaError
from services.core.serving import older_texts

ONE, SEVERAL = Subject(uuid="01-23", namespace="DEV"), Subject(uuid="01-23", namespace="DEV", index=0)
UNNAMED = Subject(uuid="01-23")


@pytest.mark.parametrize(
    ("error", "subject", "text"),
    [
        (
            errors.AlreadyExists("/DEV/a.webp", "01-23"),
            ONE,
            "File already exists in catalog, please use patch instead.",
        ),
        (errors.NoFile("x"), ONE, "No file detected"),
        (errors.WrongContentType("x"), ONE, "invalid content-type headers"),
        (errors.NoNamespace("x"), ONE, "invalid namespace"),
        (errors.NamespaceForbidden("TEST", ("DEV",)), ONE, "invalid namespace"),
        (errors.TypeUnauthorized("text/html", "x"), ONE, "File type text/html unauthorized."),
        (errors.FileTooLarge(10 * 1024**2), ONE, "File too large: can not exceeded 10mb"),
        (errors.NoUuids("x"), ONE, "No uuids provided"),
        (errors.UnevenLists("x"), ONE, "Number of UUIDs and number of files provided different"),
        (errors.NoEntry("01-23"), ONE, "Item not found in catalog with namespace DEV and UUID 01-23"),
        (errors.NoEntry("01-23"), UNNAMED, "Item not found in catalog with namespace undefined and UUID 01-23"),
        (errors.NoEntry("01-23"), SEVERAL, "UUID not found in namespace DEV"),
        (errors.OtherNamespace("x"), SEVERAL, "UUID not found in namespace DEV"),
        (errors.Unauthorized(), ONE, "You must be authenticated to do this."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, TadaError) else "",
)
def test_a_case_of_the_older_service_has_its_text(error: TadaError, subject: Subject, text: str) -> None:
    assert older_texts.text(error.about(subject)) == text


def test_any_other_error_is_told_by_its_message() -> None:
    for error in (errors.BadRequest("That is wrong."), errors.StorageDown("Down."), errors.TooLarge("Too much.")):
        for subject in (ONE, SEVERAL):
            assert older_texts.text(error.about(subject)) == error.message


@pytest.mark.parametrize(
    ("limit", "size"),
    [(10 * 1024**2, "10mb"), (1024, "1kb"), (1536 * 1024, "1536kb"), (2 * 1024**3, "2gb"), (1000, "1000b"), (1, "1b")],
)
def test_a_limit_is_written_as_it_is_configured(limit: int, size: str) -> None:
    assert older_texts.text(errors.FileTooLarge(limit)).endswith(f" {size}")


def test_what_a_client_sends_is_never_a_template() -> None:
    assert older_texts.text(errors.NoEntry("{size}")).endswith("UUID {size}")
