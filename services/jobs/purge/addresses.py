"""The addresses of the gateway's nodes: a name may stand for several machines, which come and go."""

import asyncio
import socket
from urllib.parse import SplitResult, urlsplit


class UnknownName(Exception):
    """A name has no address."""


async def resolve(node: str) -> list[str]:
    """Return the address of each machine that a node's configured address stands for; raises UnknownName."""
    name = urlsplit(node)
    if name.scheme == "https":
        return [node]  # A certificate is for the name.
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(name.hostname or "", name.port or name.scheme, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UnknownName(f"{node} cannot be found: {error.strerror}") from error
    except UnicodeError as error:
        raise UnknownName(f"{node} cannot be found: no host can have this name") from error
    hosts = sorted({(str(entry[4][0]), int(entry[4][1])) for entry in found})
    return [_at(name, host, port) for host, port in hosts]


def _at(name: SplitResult, host: str, port: int) -> str:
    return name._replace(netloc=f"[{host}]:{port}" if ":" in host else f"{host}:{port}").geturl()
