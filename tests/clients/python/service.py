"""A service that answers as it is told, and answers in the shape of TADA's."""

from collections.abc import Callable
from typing import Any

import httpx
from tada_client import Client

from services.core.assets.addresses import Addresses
from services.core.state.entry_json import shown as as_shown
from tests.support.entries import made_entry


def shown(given_name: str = "cat.jpg", destination: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return an entry as the service shows it."""
    entry = made_entry(given_name, destination=destination)
    return {**as_shown(entry, Addresses("https://media.example.com/assets/media")), **fields}


def answer(*data: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"data": data, "errors": [], "problems": []}, headers=headers)


def problem(status: int, code: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    said = {"code": code, "message": "No.", **more}
    return httpx.Response(status, json={"data": [], "errors": ["No."], "problems": [said]}, headers=headers)


class Service:
    """Gives one answer after the other; an exception is a connection that breaks."""

    def __init__(self, *answers: httpx.Response | BaseException) -> None:
        self.answers, self.requests, self.pauses = list(answers), list[httpx.Request](), list[float]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        given = self.answers.pop(0)
        if isinstance(given, BaseException):
            raise given
        return given

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]

    def client(self, sleep: Callable[[float], None] | None = None) -> Client:
        return Client(
            "http://tada.test/prefix/",
            "secret",
            namespace="DEV",
            sleep=sleep or self.pauses.append,
            transport=httpx.MockTransport(self),
        )
