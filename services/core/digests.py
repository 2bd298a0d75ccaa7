"""The SHA-256 of a file, as the catalog and dumps write it."""

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hex; reads all of it, so an event loop calls it in a thread."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
