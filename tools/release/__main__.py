"""Makes a release: python -m tools.release. SIGN_KEY names a key of OpenSSH, with which the list of files is signed."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.node import NodeError
from tools.release import conditions, sbom, sums, version
from tools.release.build import build, differences


def release(root: Path, key: Path | None) -> int:
    why = conditions.refusals(root)
    if key and not key.is_file():
        why.append(f"SIGN_KEY: there is no file {key}")
    if why:
        print("make release: nothing was made.", *(f"- {one}" for one in why), sep="\n", file=sys.stderr)
        return 1
    number = version.of(root)
    dist = root / "dist" / number
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        print("make release: building everything twice")
        made, again = build(root, Path(one)), build(root, Path(other))
        if different := differences(made, again):
            print(f"make release: two builds differ in {', '.join(different)}", file=sys.stderr)
            return 1
        for bill in made.glob("*.cdx.json"):
            sbom.check(bill)
        if key:
            sums.sign(made, key)
        shutil.rmtree(dist, ignore_errors=True)
        shutil.copytree(made, dist)
    print(*(f"  {file.stat().st_size:>10,}  {file.name}" for file in sorted(dist.iterdir())), sep="\n")
    signed = "" if key else " It is not signed: SIGN_KEY=~/.ssh/KEY make release"
    print(f"make release: {number} is in dist/{number}/, built twice with the same bytes.{signed}")
    print(f"Next: git tag -s {conditions.tag(number)} -m 'TADA {number}', and the rest of docs/releasing.md")
    return 0


def main() -> int:
    key = os.environ.get("SIGN_KEY")
    try:
        return release(version.ROOT, Path(key).expanduser() if key else None)
    except subprocess.CalledProcessError as error:
        print(f"make release: {error}\n{error.stdout or ''}{error.stderr or ''}", file=sys.stderr)
    except (NodeError, FileNotFoundError, sbom.BillError) as error:
        print(f"make release: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
