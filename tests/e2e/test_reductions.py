"""Reductions in a running system: small forms are made from them, and nobody sees them otherwise."""

import io
from collections.abc import Callable

from PIL import Image

from services.core.assets.reductions import PREFIX
from tests.processes.system import System
from tests.support.pixels import decode
from tests.support.waits import wait_until


def taken(photo: bytes) -> bytes:
    """Return a photograph as large as those of a camera."""
    out = io.BytesIO()
    Image.open(io.BytesIO(photo)).resize((2000, 1500)).save(out, "JPEG", quality=85)
    return out.getvalue()


def reductions(system: System) -> list[str]:
    return [key for key in system.stored_files() if key.startswith(PREFIX)]


def done(system: System, name: str, **arguments: object) -> dict[str, object]:
    job = system.api.post(f"/jobs/{name}", json=arguments).json()["data"][0]["id"]
    shown = lambda: system.api.get(f"/jobs/{job}").json()["data"][0]  # noqa: E731
    wait_until(lambda: shown()["status"] == "done")
    return dict(shown()["result"])


def test_from_the_upload_to_the_delete(make_system: Callable[..., System], photos: dict[str, bytes]) -> None:
    system = make_system(reduction_side="512")
    entry = system.upload("cat.jpg", taken(photos["china.jpg"]))
    [key] = reductions(system)
    assert key.startswith(f"{PREFIX}DEV/cat.webp.")
    assert not any(name.startswith("reduc") for name in entry)

    small, large = (system.edge.get(f"/assets/media/optimise/{size}/DEV/cat.webp") for size in ("200x0", "800x0"))
    assert decode(small.content).size == (200, 150)
    assert decode(large.content).size == (800, 600)
    for path in (f"/assets/media/original/{key}", f"/assets/media/full/{key}", f"/{key}"):
        assert system.edge.get(path).status_code in (400, 404)

    again = done(system, "reduce")
    assert (again["made_count"], again["count"], again["side"]) == (0, 1, 512)
    (system.stack.data / "storage" / key).write_bytes(b"damaged")
    other = system.edge.get("/assets/media/optimise/210x0/DEV/cat.webp")
    assert (other.status_code, decode(other.content).size) == (200, (210, 158))
    assert any('"event":"reduction_unusable"' in system.log(part) for part in system.parts() if "transform" in part)
    assert done(system, "reduce")["made_count"] == 1
    [mended] = reductions(system)
    assert mended != key
    assert done(system, "sync")["unknown_count"] == 0

    system.replace(entry["uuid"], "x.jpg", taken(photos["flower.jpg"]))
    system.wait_until_described()
    [replaced] = reductions(system)
    assert replaced != mended
    assert system.api.delete(f"/file/{entry['uuid']}").status_code == 200
    assert not [key for key in system.stored_files() if key.startswith((PREFIX, "DEV/"))]
