"""Whether an uploaded file can be drawn. If not, it is refused with the reason.

Most pictures are not decoded here: their structure was checked when they were written to the spool. A process in a
sandbox opens each PDF at its first page. It also decodes a JPEG or a PNG if only the end mark is missing. It gets the
path of the file, so no PDF is held in memory. This service reads an SVG whole, and the process a JPEG without its mark.

No sound file is lost to a slow or broken machine: if the process fails, but not because of the file, or is too late,
the file is accepted.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator

from services.catalog.uploads.opened import Opened
from services.catalog.uploads.spool import SpooledFile
from services.core.assets import media_types, shape, svg, xml_text
from services.core.assets.containers import Malformed
from services.core.errors import BadRequest
from services.core.observing import logs
from services.core.sandbox import Refusal, process
from services.core.sandbox.pool import Pool
from services.core.sandbox.process import Crashed, NoAnswer, Task

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Seconds that an upload waits for its turn and the process: long enough for two processes to use up their time."""
LIMITS = process.Limits(
    cpu_seconds=5, wall_seconds=PATIENCE, output=0, data=384 * 1024 * 1024, niceness=10, reuse_seconds=5
)
_NAMES = {media_types.WEBP: "WebP", media_types.SVG: "SVG"}
_AGAIN = "Send the whole file again, or open it in an editor and save it again."
_HINTS = {"needs a password": "Save it without a password, and send it again."}


class Drawable:
    """Looks at uploaded files. At most one at a time is in the sandbox."""

    def __init__(self, patience: float = PATIENCE, limits: process.Limits = LIMITS) -> None:
        self._patience, self._limits = patience, limits
        self._turn, self._pool = asyncio.Semaphore(1), Pool()

    def close(self) -> None:
        """End the process that waits for the next file."""
        self._pool.close()

    async def check(self, file: SpooledFile) -> None:
        """Raise BadRequest for a file that cannot be drawn."""
        media_type = file.media_type or ""
        await asyncio.to_thread(_check_sides, file, media_type)
        try:
            if file.damage:
                raise Malformed(file.damage)
            if media_type == media_types.SVG:
                await asyncio.to_thread(_check_svg, file)
            elif media_type == media_types.PDF or not file.ended:
                await self._read(file, media_type)
        except (Malformed, Refusal) as problem:
            raise _refused(media_type, str(problem)) from None

    async def _read(self, file: SpooledFile, media_type: str) -> None:
        """Read a file in the sandbox; raises Refusal."""
        order = {"media_type": media_type, "path": str(file.path)}
        task = Task("services.catalog.uploads.drawable_process", order, self._limits)
        try:
            async with asyncio.timeout(self._patience), self._turn:
                await self._pool.answer(task, _nothing)
        except Crashed:
            raise Refusal("is damaged, or needs too much time or memory") from None
        except (NoAnswer, OSError) as error:
            logs.event(log, logging.WARNING, "drawable_unchecked", media_type=media_type, error=type(error).__name__)


def _refused(media_type: str, what: str) -> BadRequest:
    kind = _NAMES.get(media_type, media_type.rpartition("/")[2].upper())
    return BadRequest(f"The {kind} file cannot be drawn: it {what}.", _HINTS.get(what, _AGAIN))


def _check_sides(file: SpooledFile, media_type: str) -> None:
    with file.path.open("rb") as opened:
        wrong = shape.problem(*shape.sides(Opened(opened.fileno()), media_type))
    if wrong:
        message, hint = wrong
        raise BadRequest(message, hint)


def _check_svg(file: SpooledFile) -> None:
    svg.check(xml_text.utf8(file.path.read_bytes()))


async def _nothing() -> AsyncGenerator[bytes, None]:
    """The child reads the file itself."""
    return
    yield b""
