"""The JavaScript library as it is published."""

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tools.node import node, npm
from tools.stack.plan import ROOT

SOURCE = ROOT / "clients" / "js"
VECTORS = ROOT / "clients" / "vectors"
BUILT = ROOT / ".venv" / "javascript"
"""What npm installed is kept here, by what it was made of."""

_NOT_SOURCE = {"node_modules", "dist", "examples"}


def tsc(*arguments: str, cwd: Path) -> str:
    """Run the compiler that the library is built with."""
    return node(library() / "node_modules" / "typescript" / "bin" / "tsc", *arguments, cwd=cwd)


@cache
def library() -> Path:
    """Return a copy of the library with what it needs, built and packed (`*.tgz`)."""
    files = [path for path in sorted(SOURCE.rglob("*")) if path.is_file() and _is_source(path)]

    def make(folder: Path) -> None:
        for path in files:
            target = folder / path.relative_to(SOURCE)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        npm("ci", "--prefer-offline", cwd=folder)
        npm("pack", cwd=folder)

    return kept("library", files, make)


@cache
def installed() -> Path:
    """Return an empty project into which the package is installed."""

    def make(folder: Path) -> None:
        (folder / "package.json").write_text('{"name": "user", "type": "module", "private": true}')
        [package] = library().glob("*.tgz")
        npm("install", "--offline", str(package), cwd=folder)

    return kept("installed", sorted(library().glob("dist/*")), make)


@cache
def project(name: str) -> Path:
    """Return a project of tests/data/javascript with what its lock names."""
    files = sorted((ROOT / "tests" / "data" / "javascript" / name).iterdir())

    def make(folder: Path) -> None:
        for path in files:
            shutil.copy(path, folder)
        npm("ci", "--prefer-offline", cwd=folder)

    return kept(name, files, make)


def _is_source(path: Path) -> bool:
    return _NOT_SOURCE.isdisjoint(path.relative_to(SOURCE).parts)


def kept(name: str, inputs: list[Path], make: Callable[[Path], None]) -> Path:
    """Return a folder that `make` has filled, once for the same inputs, whoever asks first."""
    digest = hashlib.sha256()
    for path in inputs:
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    folder = BUILT / f"{name}-{digest.hexdigest()[:16]}"
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return folder
