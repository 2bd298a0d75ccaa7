"""Everything that a client raises, for whoever catches it.

TadaError                       `code`, `status`, `hint`, `request_id` and what it is about
├── NotReached                  no answer came: no connection, or it broke off
├── Unavailable                 502 to 504: a dependency is down or the service is full; try again later
├── TooManyRequests             429: a rate limit is used up
├── Refused                     any other 4xx: the same request will be refused again
│   ├── Unauthorized            401: no valid token
│   ├── Forbidden               403: the token, the ticket or the namespace does not allow it
│   ├── NotFound                404, 410: there is no such thing
│   ├── AlreadyExists           400 `already_exists`: the path is taken; `uuid` and `unique_name` say by what
│   ├── Conflict                409, 412, 423, 460: the state is not the one that the request supposes
│   ├── TooLarge                413: the file, or the namespace has no room
│   └── Unprocessable           422: the file, or the dump, cannot be read
├── ServiceFailed               any other 5xx
├── FileChanged                 a file has another size than when its upload began
└── BadAnswer                   the answer is not one of TADA: a wrong address, or a page of something in between
"""

import json
from collections.abc import Mapping
from typing import Any


class TadaError(Exception):
    """An error with what went wrong (`message`) and, if one can act, what to do (`hint`).

    `status` is that of the answer, 0 without one. `index` is the position in a list that was sent, from 0.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 0,
        hint: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        uuid: str = "",
        unique_name: str = "",
        file: str = "",
        index: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.status, self.hint = message, code, status, hint
        self.request_id, self.retry_after = request_id, retry_after
        self.uuid, self.unique_name, self.file, self.index = uuid, unique_name, file, index

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def as_json(self) -> dict[str, Any]:
        """Return the error as the service tells it in `problems`, with its status and request id."""
        said = {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "status": self.status,
            "request_id": self.request_id,
            "uuid": self.uuid,
            "unique_name": self.unique_name,
            "file": self.file,
        }
        return {name: value for name, value in said.items() if value} | (
            {} if self.index is None else {"index": self.index}
        )


class NotReached(TadaError):
    """No answer came. `sent` says whether the service may have had the request."""

    def __init__(self, message: str, *, sent: bool, hint: str = "") -> None:
        super().__init__(message, code="not_reached", hint=hint)
        self.sent = sent


class Unavailable(TadaError):
    pass


class TooManyRequests(TadaError):
    pass


class Refused(TadaError):
    pass


class Unauthorized(Refused):
    pass


class Forbidden(Refused):
    pass


class NotFound(Refused):
    pass


class AlreadyExists(Refused):
    pass


class Conflict(Refused):
    pass


class TooLarge(Refused):
    pass


class Unprocessable(Refused):
    pass


class ServiceFailed(TadaError):
    pass


class FileChanged(TadaError):
    def __init__(self, name: str) -> None:
        hint = "Is something still writing to it?"
        super().__init__(f"{name} has another size than at first.", code="file_changed", hint=hint, file=name)


class BadAnswer(TadaError):
    pass


_BY_CODE = {"already_exists": AlreadyExists}
_BY_STATUS: dict[int, type[TadaError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: Conflict,
    413: TooLarge,
    422: Unprocessable,
    423: Conflict,
    429: TooManyRequests,
    460: Conflict,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def family(status: int, code: str) -> type[TadaError]:
    """Return the kind of error that a status and a code are."""
    return _BY_CODE.get(code) or _BY_STATUS.get(status) or (Refused if status < 500 else ServiceFailed)


def error_of(status: int, headers: Mapping[str, str], content: bytes) -> TadaError:
    """Return the error that an answer tells. `headers` has its names in lower case."""
    problem = _problem(content)
    return from_problem(
        problem if problem is not None else {"message": f"The answer has the status {status}.", "hint": _NOT_TADA},
        status,
        headers.get("x-request-id", ""),
        _seconds(headers.get("retry-after", "")),
    )


def from_problem(
    problem: Mapping[str, Any], status: int, request_id: str = "", retry_after: float | None = None
) -> TadaError:
    """Return the error of one item of `problems`."""
    code = str(problem.get("code", ""))
    index = problem.get("index")
    return family(status, code)(
        str(problem.get("message", "")),
        code=code,
        status=status,
        hint=str(problem.get("hint") or ""),
        request_id=request_id,
        retry_after=retry_after,
        uuid=str(problem.get("uuid") or ""),
        unique_name=str(problem.get("unique_name") or ""),
        file=str(problem.get("file") or ""),
        index=index if isinstance(index, int) else None,
    )


_NOT_TADA = "It does not come from TADA. Is the address that of its internal entry, with API_PREFIX?"


def _problem(content: bytes) -> Mapping[str, Any] | None:
    """Return what an answer says of its first error; None if it does not say it as TADA does."""
    try:
        said = json.loads(content)
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    problems = said.get("problems")
    if isinstance(problems, list) and problems and isinstance(problems[0], dict):
        return problems[0]
    if "error" in said:  # Of a dump.
        message = ": ".join(str(said[name]) for name in ("error", "details") if said.get(name))
        return {"code": "dump_error", "message": message, "hint": said.get("suggestion", "")}
    if said.get("ready") is False:
        down = ", ".join(f"{name} is {state}" for name, state in said.items() if name != "ready" and state != "ok")
        return {"code": "unavailable", "message": f"The service is not ready: {down}."}
    return None


def _seconds(retry_after: str) -> float | None:
    """Read Retry-After, which TADA and the proxies in front of it give in seconds."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
