"""A GIF keeps its name and its type, and is delivered as an animated WebP where that is asked for."""

from collections.abc import Callable
from typing import Any

import httpx
import numpy as np

from tests.processes.system import System, get_as_is
from tests.support.pictures import FRAMES, GREEN, RED, animation, encoded, frames_of, is_near, marked
from tests.support.pixels import decode

TYPES = "image/png,image/jpeg,image/webp,image/svg+xml,application/pdf,image/gif"
WAVE, OTHER_WAVE = animation("GIF"), animation("GIF", (90, 60))


def uploaded(system: System, name: str, content: bytes, **fields: str) -> dict[str, Any]:
    """Upload a file, and return its entry as clients see it."""
    entry = system.upload(name, content, **fields)
    return dict(system.api.get(f"/catalog/{entry['uuid']}").json()["data"][0])


def is_the_animation(answer: httpx.Response, size: tuple[int, int]) -> bool:
    """Say whether an answer has all frames of the animation, as WebP of that size."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp"), answer.text
    found = frames_of(answer.content)
    middles = [np.asarray(frame)[size[1] // 2, size[0] // 2].tolist() for _, frame in found]
    return (
        decode(answer.content).size == size
        and [milliseconds for milliseconds, _ in found] == [100, 200, 300]
        and all(is_near(middle, mark, 40) for middle, mark in zip(middles, FRAMES, strict=True))
    )


def test_a_gif_is_delivered_as_it_was_uploaded_and_as_webp_where_a_picture_is_asked_for(
    make_system: Callable[..., System], name: str
) -> None:
    system = make_system(VALID_MIMETYPES=TYPES, PRESETS="thumb:60x0", FORMAT_NEGOTIATION="true")
    entry = uploaded(system, f"{name}.gif", WAVE)
    path = f"/DEV/{name}.gif"
    assert (entry["unique_name"], entry["mimetype"]) == (path, "image/gif")
    assert entry["public_url"].endswith(f"/assets/media/original{path}")
    as_stored = (entry["public_url"], *(f"/assets/media/{form}{path}" for form in ("original", "full", "optimise/0x0")))
    for client in (system.edge, system.api):
        for address in as_stored:
            answer = client.get(address, headers={"Accept": "image/avif,image/webp,*/*"})
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif"), address
            assert answer.content == WAVE, address
    sizes = {
        f"optimise/60x0{path}": (60, 40),
        f"optimise/30x30{path}": (30, 30),
        f"optimise/thumb{path}": (60, 40),
        f"full{path}?width=60": (60, 40),
        f"full{path}?preset=thumb": (60, 40),
        f"full{path}?format=webp": (120, 80),
        f"full/DEV/{name}.webp": (120, 80),
        f"optimise/60x0/DEV/{name}.webp": (60, 40),
    }
    for address, size in sizes.items():
        for accept in ("*/*", "image/avif,image/webp"):  # An animation is no AVIF.
            answer = get_as_is(system.ports.edge, f"/assets/media/{address}", {"Accept": accept})
            assert is_the_animation(answer, size), (address, accept)
    still = get_as_is(system.ports.edge, f"/assets/media/optimise/60x0{path}", {"Accept": "image/png"})
    assert (still.headers["content-type"], decode(still.content).size) == ("image/jpeg", (60, 40))

    as_webp = system.edge.get(f"/assets/media/original/DEV/{name}.webp")
    assert (as_webp.status_code, as_webp.headers["location"]) == (302, f"/assets/media/original{path}")

    system.replace(entry["uuid"], "other.gif", OTHER_WAVE)
    assert system.edge.get(entry["public_url"]).content == OTHER_WAVE
    assert is_the_animation(system.edge.get(f"/assets/media/optimise/60x0{path}"), (60, 40))
    assert is_the_animation(system.edge.get(f"/assets/media/full{path}?format=webp"), (90, 60))
    assert is_the_animation(system.edge.get(f"/assets/media/full/DEV/{name}.webp"), (90, 60))

    # Beside it, under the names that other pictures and a converted GIF have.
    system.upload(f"{name}.png", encoded(marked((120, 80), GREEN), "PNG"))
    assert decode(system.edge.get(f"/assets/media/full/DEV/{name}.webp").content).size == (120, 80)
    assert system.edge.get(f"/assets/media/original/DEV/{name}.webp").headers["location"].endswith(f"{name}.png")
    assert system.edge.get(entry["public_url"]).content == OTHER_WAVE

    converted = uploaded(system, f"{name}-2.gif", WAVE, toWebp="true")
    assert (converted["unique_name"], converted["mimetype"]) == (f"/DEV/{name}-2.webp", "image/webp")
    assert is_the_animation(system.edge.get(converted["public_url"]), (120, 80))
    assert system.edge.get(f"/assets/media/original/DEV/{name}-2.gif").content == WAVE
    assert system.edge.get(f"/assets/media/full/DEV/{name}-2.gif").headers["location"].endswith(f"{name}-2.webp")
    system.replace(converted["uuid"], "still.png", encoded(marked((120, 80), RED), "PNG"))
    assert len(frames_of(system.edge.get(converted["public_url"]).content)) == 1
    system.replace(converted["uuid"], "wave.gif", WAVE)
    assert is_the_animation(system.edge.get(converted["public_url"]), (120, 80))
