"""Whether an uploaded file can be drawn. If not, it is refused with the reason.

Most pictures are not decoded here: their structure was checked when they were written to the spool. Only if the end
mark of a JPEG or a PNG is missing, the picture is decoded, in a sandbox and one at a time. A PDF is accepted as it is.
"""

import asyncio
from collections.abc import AsyncIterator

from services.catalog.uploads.spool import SpooledFile
from services.core.assets import media_types, svg, xml_text
from services.core.assets.containers import Malformed
from services.core.errors import BadRequest
from services.core.sandbox import Refusal, process
from services.core.sandbox.process import NoAnswer, Task

_BLOCK = 256 * 1024
_LIMITS = process.Limits(cpu_seconds=5, wall_seconds=60.0, output=0, data=384 * 1024 * 1024, niceness=10)
_NAMES = {media_types.WEBP: "WebP", media_types.SVG: "SVG"}


class Drawable:
    """Looks at uploaded files."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)

    async def check(self, file: SpooledFile) -> None:
        """Raise BadRequest for a file that cannot be drawn."""
        kind = _NAMES.get(file.media_type or "", (file.media_type or "").rpartition("/")[2].upper())
        if file.damage:
            raise refused(kind, file.damage)
        try:
            if file.media_type == media_types.SVG:
                await asyncio.to_thread(_check_svg, file)
            elif not file.ended:
                await self._read(file)
        except (Malformed, Refusal) as problem:
            raise refused(kind, str(problem)) from None

    async def _read(self, file: SpooledFile) -> None:
        """Read a file to its end in a sandbox; raises Refusal."""
        task = Task("services.catalog.uploads.drawable_process", {"media_type": file.media_type}, _LIMITS)
        async with self._turn:
            try:
                await process.run_streamed(task, _content(file))
            except NoAnswer:
                raise Refusal("breaks off, or needs too much time or memory") from None


def refused(kind: str, what: str) -> BadRequest:
    """Return the error for a file that cannot be drawn; `what` completes "it …"."""
    return BadRequest(
        f"The {kind} file cannot be drawn: it {what}.",
        "Send the whole file again, or open it in an editor and save it again.",
    )


def _check_svg(file: SpooledFile) -> None:
    svg.check(xml_text.utf8(file.path.read_bytes()))


async def _content(file: SpooledFile) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.path.open, "rb") as source:
        while block := await asyncio.to_thread(source.read, _BLOCK):
            yield block
