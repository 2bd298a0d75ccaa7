"""With FORMAT_NEGOTIATION a picture comes in the best format that its client says it can show."""

from collections.abc import Callable

from tests.processes.system import System, get_as_is
from tests.support.pixels import decode

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI_16 = "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml"
FIREFOX_92 = "image/webp,*/*"
SAFARI_13 = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"


def test_every_client_gets_what_it_can_show_and_two_that_can_the_same_share_a_cache_entry(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(FORMAT_NEGOTIATION="true", ORIGINS_ALLOWED="https://cms.example.com")
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    system.upload(f"{name}.png", photos["astronaut.png"], filename=f"{name}-plain.png", toWebp="false")
    path = f"/assets/media/optimise/80x0/DEV/{name}.webp"
    groups = {
        "image/avif": [CHROME, SAFARI_16, "IMAGE/AVIF"],
        "image/webp": [FIREFOX_92, "*/*", "image/*", "", "application/json", "image/webp, image/avif;q=0"],
        "image/jpeg": [SAFARI_13, "image/png", "image/jpeg, image/webp;q=0.0, image/avif ; q=0"],
    }

    def ask(path: str, accept: str, port: int = system.ports.edge) -> tuple[str, str, str]:
        answer = get_as_is(port, path, {"Accept": accept})
        assert answer.status_code == 200
        return answer.headers["content-type"], answer.headers["vary"], answer.headers["x-cache-status"]

    for round_ in range(2):
        for media_type, headers in groups.items():
            for at, accept in enumerate(headers):
                state = "MISS" if at == round_ == 0 else "HIT"
                assert ask(path, accept) == (media_type, "Origin, Accept", state), accept
                assert ask(path, accept, system.ports.api) == (media_type, "Origin, Accept", "HIT"), accept
    assert system.renders(f"/DEV/{name}.webp") == len(groups)
    # A purge reaches what each of them was given.
    before = {accept: get_as_is(system.ports.edge, path, {"Accept": accept}).content for accept in (CHROME, SAFARI_13)}
    system.replace(entry["uuid"], "other.jpg", photos["flower.jpg"])
    for accept, old in before.items():
        assert get_as_is(system.ports.edge, path, {"Accept": accept}).content != old
    # Where it cannot matter it makes no entry of its own.
    for path, media_type in (
        (f"/assets/media/original/DEV/{name}.jpg", "image/jpeg"),
        (f"/assets/media/full/DEV/{name}-plain.png", "image/png"),
        (f"/assets/media/optimise/70x0/DEV/{name}.webp?format=png", "image/png"),
    ):
        for accept, state in ((CHROME, "MISS"), (SAFARI_13, "HIT")):
            assert ask(path, accept) == (media_type, "Origin", state), path
    # Transparency is kept where a client can show neither AVIF nor WebP.
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><circle r="9"/></svg>'
    system.upload(f"{name}.svg", svg)
    answer = get_as_is(system.ports.edge, f"/assets/media/optimise/40x0/DEV/{name}.svg", {"Accept": SAFARI_13})
    assert decode(answer.content).format == "PNG"


def test_without_it_an_accept_header_changes_nothing(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for at, accept in enumerate((CHROME, SAFARI_13, "")):
        path = f"/assets/media/optimise/80x0/DEV/{name}.webp?accept=avif"
        answer = get_as_is(system.ports.edge, path, {"Accept": accept})
        assert answer.headers["content-type"] == "image/webp"
        assert answer.headers["x-cache-status"] == ("HIT" if at else "MISS")
        assert "vary" not in answer.headers
