"""Secrets in files, as container engines mount them: one file for each setting, named like the setting in small
letters.

python -m services.core.secret_files FILE…       create each missing file with a new secret
"""

import os
import secrets
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

FOLDERS = "SECRETS_FOLDER_PATH"
_BYTES = 24


def read(environment: Mapping[str, str], wanted: Collection[str]) -> dict[str, str]:
    """Return the settings that are in the folders and not in the environment, by their names.

    SECRETS_FOLDER_PATH names the folders, comma separated. A variable that is set and not empty takes precedence over a
    file. Raises OSError for a folder or file that cannot be read.
    """
    found = {}
    for folder in filter(None, environment.get(FOLDERS, "").split(",")):
        for file in sorted(Path(folder.strip()).iterdir()):
            if file.name in wanted and not environment.get(file.name.upper()):
                found[file.name] = file.read_text().strip()
    return found


def make(file: Path) -> bool:
    """Create a secret that only its owner can read, unless it exists; say whether it was created.

    After a crash, the file is complete or not there.
    """
    if file.exists():
        return False
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(secrets.token_hex(_BYTES))
        out.flush()
        os.fsync(out.fileno())
    new.rename(file)
    return True


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"{name}: {'made' if make(Path(name)) else 'is there'}")
