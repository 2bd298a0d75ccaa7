"""What both clients know of HTTP: how a request is sent by httpx, and what its failures mean."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from tada_client.errors import NotReached
from tada_client.wire import Answer, Request

VERSION = "1.0.0"
TIMEOUT = httpx.Timeout(10, read=120, write=60, pool=None)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service is: its internal entry, with API_PREFIX if it has one."""

    url: str
    token: str

    def __post_init__(self) -> None:
        parsed = httpx.URL(self.url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"{self.url!r} is not an address such as http://localhost:3001.")

    def of(self, target: str) -> str:
        return self.url.rstrip("/") + target

    def settings(self, connections: int) -> dict[str, object]:
        """Return the settings of a client of httpx. A proxy or a certificate in the environment counts, as for curl."""
        headers = {"user-agent": f"tada-client/{VERSION} Python/{platform.python_version()}"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        return {"headers": headers, "limits": limits, "timeout": TIMEOUT}


def headers_of(request: Request[object]) -> dict[str, str]:
    body = request.body
    length = {} if body is None else {**body.headers, "content-length": str(body.size)}
    return {**request.headers, **length}


def answer_of(answer: httpx.Response) -> Answer:
    headers: Mapping[str, str] = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status_code, headers, answer.content)


def failure(error: httpx.HTTPError, url: str) -> NotReached:
    """Return what it means that no answer came."""
    sent = not isinstance(error, _NEVER_SENT)
    host = httpx.URL(url).netloc.decode()
    if isinstance(error, httpx.TimeoutException):
        what = f"{host} did not answer in time."
    elif sent:
        what = f"The connection to {host} broke off: {error or type(error).__name__}."
    else:
        what = f"{host} cannot be reached: {error}."
    return NotReached(what, sent=sent, hint="Is the service running, and is the address right?")
