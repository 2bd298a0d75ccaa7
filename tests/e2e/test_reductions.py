"""Reductions in a running system: small forms are made from them, and nobody sees them otherwise."""

import io
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import redis
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from services.core.assets.reductions import PREFIX
from tests.processes.system import System
from tests.support.pictures import BLUE, GREEN, encoded
from tests.support.pixels import decode
from tests.support.waits import wait_until
from tools.stack.ports import free_ports


def taken(photo: bytes) -> bytes:
    """Return a photograph as large as those of a camera."""
    out = io.BytesIO()
    Image.open(io.BytesIO(photo)).resize((2000, 1500)).save(out, "JPEG", quality=85)
    return out.getvalue()


def reductions(system: System) -> list[str]:
    return [key for key in system.stored_files() if key.startswith(PREFIX)]


def done(system: System, name: str, **arguments: object) -> dict[str, object]:
    job = system.client.run_job(name, arguments)
    assert job.status == "done", job
    return dict(job.result or {})


def form(system: System, width: int) -> httpx.Response:
    return system.edge.get(f"/assets/media/optimise/{width}x0/DEV/cat.webp")


def counting(make_system: Callable[..., System]) -> System:
    """Start a system with one transform service, which shows its metrics."""
    [port] = free_ports(1)
    system = make_system(start=False, reduction_side="512", replicas=1)
    system.change_environment("transform", METRICS_PORT=str(port))
    system.start()
    return system


def counted(system: System, result: str) -> float:
    """Return how often transform has tried to make a form from a reduction with this result."""
    families = text_string_to_metric_families(system.internal("transform", "/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    wanted = ("tada_renders_reduced_total", {"result": result})
    return sum(sample.value for sample in samples if (sample.name, sample.labels) == wanted)


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


def test_a_file_that_somebody_has_deleted_is_missed_by_nobody(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = counting(make_system)
    entry = system.upload("cat.jpg", taken(photos["china.jpg"]))
    assert form(system, 200).status_code == 200
    assert (counted(system, "made"), counted(system, "missing")) == (1, 0)
    [key] = reductions(system)
    (system.stack.data / "storage" / key).unlink()
    answer = form(system, 210)
    assert (answer.status_code, decode(answer.content).size) == (200, (210, 158))
    assert (counted(system, "made"), counted(system, "missing")) == (1, 1)
    assert system.api.delete(f"/file/{entry['uuid']}").status_code == 200
    assert not [key for key in system.stored_files() if key.startswith((PREFIX, "DEV/"))]


def test_an_asset_that_expires_and_comes_back_has_kept_it(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = counting(make_system)
    entry = system.upload("cat.jpg", taken(photos["china.jpg"]))
    kept = reductions(system)
    for expired, status in ((True, 404), (False, 200)):
        changed = system.api.patch(f"/file/{entry['uuid']}", json={"expired": expired})
        assert changed.status_code == 200, changed.text
        assert form(system, 200).status_code == status
    assert reductions(system) == kept
    assert counted(system, "made") == 1


def test_while_a_picture_is_replaced_its_forms_show_one_of_the_two_and_then_the_new_one(
    make_system: Callable[..., System],
) -> None:
    system = make_system(reduction_side="512")
    pictures = {colour: encoded(Image.new("RGB", (2000, 1500), colour), "JPEG") for colour in (GREEN, BLUE)}
    entry, widths = system.upload("cat.jpg", pictures[BLUE]), itertools.count(100)
    assert len(reductions(system)) == 1
    ended: list[float] = []

    def shown() -> tuple[float, tuple[int, ...]]:
        started = time.monotonic()
        answer = form(system, next(widths))
        assert answer.status_code == 200, answer.text
        _red, green, blue = decode(answer.content).convert("RGB").getpixel((5, 5))  # type: ignore[misc]
        return started, GREEN if green > blue else BLUE

    def replaced(colour: tuple[int, int, int]) -> None:
        system.replace(entry["uuid"], "cat.jpg", pictures[colour])
        ended.append(time.monotonic())

    with ThreadPoolExecutor(4) as others:
        for colour in (GREEN, BLUE, GREEN, BLUE):
            ended.clear()
            replacement = others.submit(replaced, colour)
            looks = [others.submit(shown) for _ in range(20)]
            replacement.result()
            late = [seen for started, seen in (look.result() for look in looks) if started > ended[0]]
            assert set(late) <= {colour}
            assert shown()[1] == colour
            system.wait_until_described()
            assert len(reductions(system)) == 1


def test_a_catalog_that_is_lost_and_restored_has_its_reductions_again(
    make_system: Callable[..., System], photos: dict[str, bytes]
) -> None:
    system = counting(make_system)
    system.upload("cat.jpg", taken(photos["china.jpg"]))
    [before] = reductions(system)
    assert system.api.post("/catalog/create-dump").status_code == 200
    with redis.Redis(port=system.ports.redis) as client:
        client.flushall()
    assert system.api.post("/catalog/restore-dump").status_code == 200
    wait_until(lambda: reductions(system) != [before] and len(reductions(system)) == 1)
    assert form(system, 200).status_code == 200
    assert counted(system, "made") == 1
