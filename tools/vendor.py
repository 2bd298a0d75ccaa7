"""Takes the modules of other projects that the library uses out of their packages. Run by `make vendor`.

A package whose archive is not the one that is named here is refused. To take a newer version, change it and its digest:
`npm view NAME@VERSION dist.integrity` says it.
"""

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "services" / "catalog" / "library" / "static" / "vendor"
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm with the SHA-512 of its archive (Base64), and what is taken: files, by their names here."""

    name: str
    version: str
    sha512: str
    files: dict[str, str]


PACKAGES = (
    Package(
        "preact",
        "11.2.0",
        "/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        {"preact.js": "dist/preact.mjs", "hooks.js": "hooks/dist/hooks.mjs", "preact.LICENSE": "LICENSE"},
    ),
    Package(
        "htm",
        "3.1.1",
        "983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        {"htm.js": "dist/htm.module.js", "htm.LICENSE": "LICENSE"},
    ),
)


def fetch(package: Package, folder: Path) -> Path:
    """Download the archive of a package; raises ValueError if it is another one."""
    command = ["npm", "pack", "--silent", f"--pack-destination={folder}", f"{package.name}@{package.version}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    archive = folder / said.stdout.split()[-1]
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.sha512:
        raise ValueError(f"{package.name}@{package.version} is not the archive that is named (sha512-{found})")
    return archive


def taken(package: Package, archive: Path) -> dict[str, bytes]:
    """Return the files that are taken, by their names here."""
    found = {}
    with tarfile.open(archive) as files:
        for name, inside in package.files.items():
            file = files.extractfile(f"package/{inside}")
            assert file, "a file, not a folder"
            found[name] = file.read()
    return found


def main() -> int:
    contents: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            try:
                contents |= taken(package, fetch(package, Path(folder)))
            except (OSError, subprocess.CalledProcessError, ValueError) as error:
                print(f"make vendor: {error}", file=sys.stderr)
                return 1
    for name, content in contents.items():
        (FOLDER / name).write_bytes(content)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items())]
    (FOLDER / SUMS).write_text("".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
