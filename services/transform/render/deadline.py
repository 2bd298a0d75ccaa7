"""The end of a render that takes too long."""

import asyncio
import time
from collections.abc import Callable

from services.core.errors import TooSlow
from services.transform.render.stop import Stop

_SMALLER = "Ask for a smaller size, or upload a smaller image."


def deadline(stop: Stop, seconds: float, shared: Callable[[], float]) -> Callable[[], None]:
    """Pull a stop after so many seconds; return what prevents that.

    `shared` says for how many seconds since then the processor was shared with another render of this process. Of that
    time half counts, so the end is after twice the time at the latest.
    """
    loop, started = asyncio.get_running_loop(), time.monotonic()
    timer = loop.call_later(seconds, lambda: look())

    def look() -> None:
        nonlocal timer
        left = seconds + min(shared() / 2, seconds) - (time.monotonic() - started)
        if left > 0.001:
            timer = loop.call_later(left, look)
        else:
            stop.pull(TooSlow(f"The image takes more than {seconds:g} s to render.", _SMALLER))

    return lambda: timer.cancel()
