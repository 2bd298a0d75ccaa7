"""`make test-integrations`: what is in integrations/ with the real thing, or only those that are named (ONLY=strapi).

They install whole systems with npm, which takes minutes, so they are no part of `make test`.
"""

import importlib
import pkgutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.programs import integrations


def main(names: Iterable[str]) -> int:
    chosen = [*names] or [each.name for each in pkgutil.iter_modules(integrations.__path__) if each.name[0] != "_"]
    for name in chosen:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"tada-{name}-") as folder:
            importlib.import_module(f"{integrations.__name__}.{name}").run(Path(folder))
        print(f"{name}: passed in {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
