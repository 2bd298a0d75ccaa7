"""Copies a file of a dump from the dump store to a local file."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

from services.core.digests import checked
from services.core.dumps.naming import OTHER
from services.core.errors import DumpDamaged


async def download(
    chunks: AsyncGenerator[bytes, None], target: Path, named: str, expected: Callable[[], str | None]
) -> None:
    """Write chunks to `target`, which is complete or not there.

    Raises DumpDamaged, which calls the file `named`, if its SHA-256 is not the expected one (None: it is not known).
    """
    partial = target.with_name(f"{target.name}.part")
    damaged = DumpDamaged("Dump file is damaged", f"{named} is not what was stored: its SHA-256 is different", OTHER)
    try:
        with partial.open("wb") as file:
            async with aclosing(checked(chunks, expected, lambda: damaged)) as content:
                async for chunk in content:
                    await asyncio.to_thread(file.write, chunk)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
