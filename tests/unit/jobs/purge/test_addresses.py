import asyncio
import socket
from typing import Any

import pytest

from services.jobs.purge.addresses import UnknownName, resolve

Found = list[tuple[Any, ...]]


class FakeNames:
    """The DNS, in place of the system's."""

    def __init__(self, found: Found | None) -> None:
        self.found, self.asked = found, list[tuple[str, str | int]]()

    async def __call__(self, host: str, port: str | int, *, type: int) -> Found:  # noqa: A002 - as the loop names it
        assert type == socket.SOCK_STREAM
        self.asked.append((host, port))
        if self.found is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self.found


def at(host: str, port: int = 8081) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    rest = (0, 0) if ":" in host else ()
    return (family, socket.SOCK_STREAM, 6, "", (host, port, *rest))


@pytest.fixture
async def loop(monkeypatch: pytest.MonkeyPatch) -> Any:
    def with_names(found: Found | None) -> FakeNames:
        names = FakeNames(found)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names)
        return names

    return with_names


async def test_a_name_stands_for_each_of_its_machines_once_and_in_the_same_order(loop: Any) -> None:
    names = loop([at("10.0.0.2"), at("10.0.0.1"), at("10.0.0.2"), at("fd00::1")])
    assert await resolve("http://cache:8081") == [
        "http://10.0.0.1:8081",
        "http://10.0.0.2:8081",
        "http://[fd00::1]:8081",
    ]
    assert names.asked == [("cache", 8081)]


async def test_an_address_without_a_port_has_that_of_its_scheme(loop: Any) -> None:
    names = loop([at("10.0.0.1", 80)])
    assert await resolve("http://cache") == ["http://10.0.0.1:80"]
    assert names.asked == [("cache", "http")]


async def test_a_name_that_a_certificate_is_for_stays(loop: Any) -> None:
    names = loop(None)
    assert await resolve("https://edge.example.com") == ["https://edge.example.com"]
    assert names.asked == []


async def test_a_name_without_an_address_is_not_known(loop: Any) -> None:
    loop(None)
    with pytest.raises(UnknownName, match=r"^http://cache:8081 cannot be found: Name or service not known$"):
        await resolve("http://cache:8081")


async def test_an_address_is_its_own_machine() -> None:
    assert await resolve("http://127.0.0.1:8081") == ["http://127.0.0.1:8081"]
    assert await resolve("http://[::1]:8081") == ["http://[::1]:8081"]
