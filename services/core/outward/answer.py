"""What a server outside answers."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from services.core.errors import FileTooLarge, NoSource
from services.core.outward.urls import Url


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is not read yet. The names of `headers` are in small letters; `url` is where it came from,
    after all redirects."""

    url: Url
    status: int
    headers: Mapping[str, str]
    raw: Callable[[], AsyncGenerator[bytes, None]]
    """The body as it is sent."""

    async def chunks(self, limit: int) -> AsyncGenerator[bytes, None]:
        """Yield the body; raises NoSource if it is compressed, and FileTooLarge for more than `limit` bytes, if
        possible before any is read."""
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise NoSource(
                f"{self.url.host} sends the file compressed, although it was asked not to.",
                "Send an address at which it is not.",
            )
        size = int(self.headers.get("content-length", 0))  # h11 has read it, and compares it with the body.
        if size > limit:
            raise FileTooLarge(limit)
        size = 0
        async with aclosing(self.raw()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise FileTooLarge(limit)
                yield chunk

    async def beginning(self, length: int) -> bytes:
        """Return the first `length` bytes of the body, or all if there are fewer."""
        found = bytearray()
        async with aclosing(self.raw()) as chunks:
            async for chunk in chunks:
                found += chunk
                if len(found) >= length:
                    break
        return bytes(found[:length])
