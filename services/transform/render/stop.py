"""Ending a render from outside, in the middle of its work."""

import threading
from collections.abc import Callable

_AGAIN_SECONDS = 0.02


class Abandoned(Exception):
    """The render was ended because nobody waits for it any more."""


class Stop:
    """The brake of one render. The render says what ends the work that it is about to do; another thread pulls it.

    libvips looks at the mark of an image (`set_kill`) before each strip of it that it makes, and WebP and PNG encoders
    while they write. Looking at the mark clears it, and libwebp at efforts below 3 goes on if it was told to stop in
    its first pass. So the mark is set again and again. Decoders and encoders of a whole picture do not look at it:
    those of interlaced PNG, progressive JPEG, WebP and AVIF, and the encoder of AVIF. They are bounded by their pixels.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self._why: Exception | None = None
        self._over = threading.Event()

    def by(self, end: Callable[[], None]) -> None:
        """Name what ends the work that is about to begin; raises what `pull` was given if it was pulled before."""
        with self._lock:
            self._end = end
        self.check()

    @property
    def is_pulled(self) -> bool:
        return self._why is not None

    def check(self) -> None:
        if self._why is not None:
            raise self._why

    def pull(self, why: Exception) -> None:
        """End the render: it raises `why`. From any thread, at any time; only the first reason counts."""
        with self._lock:
            if self._why is not None:
                return
            self._why = why
        threading.Thread(target=self._insist, daemon=True).start()

    def over(self) -> None:
        """Note that the render has ended, so that nothing is left to be stopped."""
        self._over.set()

    def _insist(self) -> None:
        while True:
            with self._lock:
                if self._end is not None:
                    self._end()
            if self._over.wait(_AGAIN_SECONDS):
                return
