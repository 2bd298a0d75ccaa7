"""One running TADA for all end-to-end tests that do not break it, and a maker of others for those that do."""

import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.processes.system import REPLICAS, System
from tests.support.photographs import PHOTOGRAPHS
from tests.support.slow_clients import Silent

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    docs = tmp_path_factory.mktemp("docs")
    (docs / "jobs").mkdir()
    (docs / "jobs" / "index.html").write_text("<h1>Jobs</h1>")
    settings = {"NAMESPACES_ALLOWED": "DEV,PROD", "DOCS_DIR": str(docs)}
    # Two processes of each service: what holds of one that is alone is seen with the others.
    found = System(tmp_path_factory.mktemp("system"), settings, replicas=max(2, REPLICAS))
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def silent(system: System) -> Iterator[Silent]:
    """Uploads that stopped in the middle, for whoever has the time to wait for their end."""
    made = Silent(system.ports.api, 20)
    yield made
    made.close()


@pytest.fixture
def make_system(tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Return a function that starts a TADA with settings of its own; all are stopped at the end."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def make(start: bool = True, **settings: Any) -> System:
            counts = {"transform_workers", "replicas", "caches", "edges"} & settings.keys()
            parts = {part: settings.pop(part) for part in counts}
            made = System(tmp_path / f"system-{next(numbers)}", settings, **parts)
            stack.callback(made.stop)
            made.folder.mkdir(parents=True, exist_ok=True)
            if start:
                made.start()
            return made

        yield make


@pytest.fixture(scope="session")
def photos() -> dict[str, bytes]:
    """Real photographs, as files."""
    return {path.name: path.read_bytes() for path in PHOTOGRAPHS}


@pytest.fixture
def name() -> str:
    """A base name that no other test uses."""
    return f"photo{next(_NUMBERS)}"


@pytest.fixture(scope="session")
def huge_photo(photos: dict[str, bytes]) -> bytes:
    """A photograph of 42 megapixels: rendering it takes seconds."""
    image = Image.open(io.BytesIO(photos["china.jpg"])).resize((7900, 5300))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=60)
    return out.getvalue()
