"""`make wordpress-plugin`: the plugin for WordPress with the PHP library in it, as a folder and as a ZIP to upload.

It needs Python's standard library alone. The same files make the same ZIP.
"""

import shutil
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLUGIN = Path("integrations") / "wordpress"
NAME = "tada-media"
_DATE = (2026, 1, 1, 0, 0, 0)


def build(target: Path, root: Path = ROOT) -> Path:
    """Write the plugin of a checkout to a folder, NAME in it; return the ZIP beside it."""
    folder = target / NAME
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / PLUGIN / NAME, folder)
    shutil.copytree(root / "clients" / "php" / "src", folder / "lib")
    shutil.copy(root / "LICENSE", folder)
    packed = target / f"{NAME}.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(target).as_posix(), _DATE)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packed


if __name__ == "__main__":
    print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / PLUGIN / "dist"))
