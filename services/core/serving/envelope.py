"""The shape of the API's answers: `{"data": […], "errors": […], "problems": […]}`. Pure.

`errors` has texts, as clients of the older service read them. `problems` has the same errors in the same order, for
programs and with more help.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.core.errors import Subject, TadaError
from services.core.serving import older_texts


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, and what it is about."""

    error: TadaError
    subject: Subject

    @classmethod
    def of(cls, error: TadaError, named: Subject | None = None) -> "Failure":
        """Return an error with its own subject, and with what the request named."""
        return cls(error, replace(error.subject, **(named or Subject()).known()))

    @property
    def text(self) -> str:
        return older_texts.text(self.error, self.subject)

    @property
    def item(self) -> dict[str, str]:
        """What `errors` has for one file of several: an object with the text, and the name of the file or its uuid."""
        names = {"file": "filename", "uuid": "uuid"}
        known = self.subject.known()
        return {"message": self.text, **{names[name]: known[name] for name in names if name in known}}

    @property
    def problem(self) -> dict[str, Any]:
        """What `problems` has."""
        return {**self.error.public(), **replace(self.subject, namespace=None).known()}


def envelope(
    data: Sequence[Any], failures: Iterable[Failure] = (), *, of_files: bool = False, **more: Any
) -> dict[str, Any]:
    """Return the body of an answer. `of_files` says that failures are of single files: they are told as objects."""
    failures = list(failures)
    return {
        "data": data,
        "errors": [failure.item if of_files else failure.text for failure in failures],
        "problems": [failure.problem for failure in failures],
        **more,
    }


def of_entry(raw: bytes) -> bytes:
    """Return the JSON of an answer with one entry, which is JSON already."""
    return b'{"data":[' + raw + b'],"errors":[],"problems":[]}'
