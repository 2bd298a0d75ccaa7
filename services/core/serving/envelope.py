"""The shape of the API's answers: `{"data": […], "errors": […], "problems": […]}`. Pure.

`errors` has texts, as clients of the older service read them. `problems` has the same errors in the same order, for
programs and with more help.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from services.core.errors import TadaError
from services.core.serving import older_texts


def envelope(
    data: Sequence[Any], errors: Iterable[TadaError] = (), *, of_files: bool = False, **more: Any
) -> dict[str, Any]:
    """Return the body of an answer. `of_files` says that errors are of single files: they are told as objects."""
    errors = list(errors)
    return {
        "data": data,
        "errors": [_of_file(error) if of_files else older_texts.text(error) for error in errors],
        "problems": [_problem(error) for error in errors],
        **more,
    }


def _of_file(error: TadaError) -> dict[str, str]:
    """Return what `errors` has for one file of several: the text, and the name of the file or its uuid."""
    names = {"file": "filename", "uuid": "uuid"}
    known = error.subject.known()
    return {"message": older_texts.text(error), **{names[name]: known[name] for name in names if name in known}}


def _problem(error: TadaError) -> dict[str, Any]:
    """Return what `problems` has."""
    return {**error.public(), **replace(error.subject, namespace=None).known()}


def of_entry(raw: bytes) -> bytes:
    """Return the JSON of an answer with one entry, which is JSON already."""
    return b'{"data":[' + raw + b'],"errors":[],"problems":[]}'


def of_entries(raws: bytes, **more: Any) -> bytes:
    """Return the JSON of an answer with entries, which are JSON already, separated by commas."""
    return of_entry(raws)[:-1] + b"," + orjson.dumps(more)[1:]
