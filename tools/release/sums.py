"""The list of the files of a release with their digests, and its signature."""

import hashlib
import subprocess
from pathlib import Path

SUMS = "SHA256SUMS"
NAMESPACE = "tada-release"
"""What the signature is for: one that was made for something else does not count."""


def write(folder: Path) -> None:
    """Write the digest of every file of a folder."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(lines))


def sign(folder: Path, key: Path) -> None:
    """Sign the list, with a key of OpenSSH or one that is in its agent. Raises CalledProcessError."""
    words = ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(folder / SUMS)]
    # It asks at the terminal for the password of the key.
    subprocess.run(words, check=True, stderr=subprocess.PIPE, text=True)
