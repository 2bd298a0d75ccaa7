"""What must hold before a release is made."""

import subprocess
from pathlib import Path

from tools.release import version


def refusals(root: Path) -> list[str]:
    """Return why this checkout is no release; each says what to do."""
    number = version.of(root)
    why = [f"{place}; make version writes one version everywhere" for place in version.disagreements(root)]
    if not version.section((root / "CHANGELOG.md").read_text(), number):
        why.append(f"CHANGELOG.md says nothing of {number}; make version VERSION=… begins a section")
    changed = git(root, "status", "--porcelain")
    if changed:
        why.append(f"the checkout has changes that are not committed:\n{changed.rstrip()}")
    if git(root, "tag", "--list", tag(number)):
        why.append(f"the tag {tag(number)} exists: {number} has been released; make version VERSION=… begins the next")
    return why


def tag(number: str) -> str:
    """Return the tag of a version."""
    return f"v{number}"


def git(root: Path, *arguments: str) -> str:
    """Return what git prints."""
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout
