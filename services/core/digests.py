"""The SHA-256 of files and of streams, as the catalog and dumps write it: in hex."""

import hashlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file; reads all of it, so an event loop calls it in a thread."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def checked(
    chunks: AsyncGenerator[bytes, None],
    expected: Callable[[], str | None],
    wrong: Callable[[], Exception],
    size: int | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield chunks, the last one only if all of them together have the expected SHA-256 and size.

    Raises `wrong()` if they have not. `expected` is called after the last chunk: some sources send the digest with the
    answer. None as a digest or a size means that it is not known and not checked.
    """
    digest, count, held = hashlib.sha256(), 0, b""
    async with aclosing(chunks):
        async for chunk in chunks:
            count += len(chunk)
            if size is not None and count > size:
                raise wrong()
            digest.update(chunk)
            if held:
                yield held
            held = chunk
    known = expected()
    if (size is not None and count != size) or (known is not None and known != digest.hexdigest()):
        raise wrong()
    if held:
        yield held
