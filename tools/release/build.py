"""Makes all parts of a release of what is committed, and compares two of them."""

import filecmp
import io
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from tools.release import conditions, parts, sums, version


def build(root: Path, folder: Path, wanted: Iterable[parts.Part] = parts.PARTS) -> Path:
    """Make parts of what is committed, in a new folder. Return where they are."""
    number = version.of(root)
    prefix = f"tada-{number}"
    archive = subprocess.run(
        ["git", "archive", "--format=tar", f"--prefix={prefix}/", "HEAD"], cwd=root, check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    out = folder / "out"
    out.mkdir()
    made_at = int(conditions.git(root, "log", "-1", "--format=%ct"))
    release = parts.Release(folder / prefix, archive, out, number, made_at)
    for part in wanted:
        part(release)
    sums.write(out)
    return out


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of files that are not the same in both folders."""
    names = {file.name for folder in (one, other) for file in folder.iterdir()}
    _, different, missing = filecmp.cmpfiles(one, other, sorted(names), shallow=False)
    return [*different, *missing]
