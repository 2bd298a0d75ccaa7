"""What an answer says of the errors in it."""

from collections.abc import Mapping
from typing import Any

import httpx

Problem = dict[str, Any]


def problems(answer: httpx.Response | Mapping[str, Any]) -> list[Problem]:
    """Return the problems of an answer, or of its JSON. Each has its text in `errors`, at the same place."""
    told = answer.json() if isinstance(answer, httpx.Response) else answer
    texts = [error if isinstance(error, str) else error["message"] for error in told["errors"]]
    assert all(texts), told
    assert len(texts) == len(told["problems"]), told
    found: list[Problem] = told["problems"]
    return found


def problem(answer: httpx.Response | Mapping[str, Any]) -> Problem:
    """Return the only problem of an answer, or of its JSON."""
    [found] = problems(answer)
    return found
