"""Presets and lists of sizes, through both tiers."""

from collections.abc import Callable

from tests.processes.system import System, get_as_is
from tests.support.pixels import decode
from tests.support.problems import problem


def test_presets_have_one_cache_entry_each_are_purged_and_can_be_all_that_is_served(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(PRESETS="thumb:90x90?fit=contain&format=png; hero:300x0", ONLY_PRESETS="true")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    groups = [
        [f"optimise/thumb/DEV/{name}.webp", f"optimise/thumb/image/DEV/{name}.webp?width=5&quality=7&crop=smart&x=y"],
        [f"optimise/thumb/DEV/{name}.webp?dpr=2", f"optimise/thumb/DEV/{name}.webp?fit=fill&dpr=2"],
        [f"full/DEV/{name}.webp?preset=hero", f"full/DEV/{name}.webp?width=9&preset=hero&format=jpeg"],
    ]
    answers = {}
    for group in groups:
        for at, path in enumerate(group):
            answer = get_as_is(system.ports.edge, f"/assets/media/{path}")
            assert (answer.status_code, answer.headers["x-cache-status"]) == (200, "HIT" if at else "MISS"), path
            answers[path] = answer.content
    sizes = [(decode(answers[group[0]]).format, decode(answers[group[0]]).size) for group in groups]
    assert sizes == [("PNG", (90, 60)), ("PNG", (180, 120)), ("WEBP", (300, 200))]
    moved = system.edge.get(f"/assets/media/optimise/thumb/DEV/{name}.jpg?dpr=2")
    assert moved.headers["location"] == f"/assets/media/optimise/thumb/DEV/{name}.webp?dpr=2"
    for path in (f"original/DEV/{name}.jpg", f"full/DEV/{name}.webp", f"optimise/0x0/DEV/{name}.webp"):
        assert system.edge.get(f"/assets/media/{path}").status_code == 200
    for path in (
        f"optimise/90x90/DEV/{name}.webp",
        f"optimise/other/DEV/{name}.webp",
        f"full/DEV/{name}.webp?preset=other",
        f"full/DEV/{name}.webp?preset=90x90",
        f"full/DEV/{name}.webp?width=90",
        f"full/DEV/{name}.webp?format=avif",
    ):
        for _ in range(2):
            refused = system.edge.get(f"/assets/media/{path}")
            assert (refused.status_code, refused.headers["x-cache-status"]) == (400, "MISS"), path
            assert "hero" in problem(refused)["hint"]
    system.replace(entry["uuid"], "other.jpg", photos["flower.jpg"])
    for path, before in answers.items():
        assert get_as_is(system.ports.edge, f"/assets/media/{path}").content != before
