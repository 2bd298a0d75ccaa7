"""Renders the nginx templates: `${NAME}` in capitals is replaced, nginx' own `$variables` are left alone."""

import os
import re
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "gateway" / "nginx"
_PLACEHOLDER = re.compile(r"\$\{([A-Z_]+)\}")


def render(target: Path, main: str, values: dict[str, str]) -> Path:
    """Write the configuration of one nginx into a folder and return its main file (`edge` or `cache`).

    Raises KeyError for a placeholder without a value. The files hold the purge token: only the owner may read them.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in (main, "common", "errors"):
        text = (TEMPLATES / f"{name}.conf.template").read_text()
        file = target / f"{name}.conf"
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write(_PLACEHOLDER.sub(lambda match: values[match[1]], text))
    return target / f"{main}.conf"
