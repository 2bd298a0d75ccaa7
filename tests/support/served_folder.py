"""A folder that browsers of tests are shown over HTTP: from a file, a page may not load what it refers to."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from tests.support.handled import handled_by


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, and yield the address."""
    with handled_by(partial(_Quiet, directory=str(folder))) as address:
        yield address
