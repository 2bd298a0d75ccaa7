"""From an upload to the public's pictures: every form, its pixels and its headers."""

import io
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from PIL import Image, ImageOps

from tests.processes.system import System, get_as_is
from tests.support.pdfs import pdf
from tests.support.pixels import decode, distance
from tests.support.problems import problem
from tests.support.saved_names import REFUSED as REFUSED_NAMES

CLOSE = 6.0
"""Mean difference out of 255 that WebP at these qualities and another resampling filter explain."""


def test_original_is_the_uploaded_file_byte_for_byte(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    answer = system.edge.get(f"/assets/media/original/DEV/{name}.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == photos["china.jpg"]


def test_full_is_the_photograph_as_webp_at_full_size(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    answer = system.edge.get(f"/assets/media/full/DEV/{name}.webp")
    assert answer.headers["content-type"] == "image/webp"
    assert decode(answer.content).format == "WEBP"
    assert distance(answer.content, decode(photos["china.jpg"])) < CLOSE


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("optimise/200x0/DEV/{}.webp", (200, 133)),
        ("optimise/0x200/DEV/{}.webp", (300, 200)),
        ("optimise/0x0/DEV/{}.webp", (640, 427)),
        ("optimise/4000x0/DEV/{}.webp", (640, 427)),
        ("optimise/4000x4000/DEV/{}.webp", (640, 427)),
        ("full/DEV/{}.webp?width=200", (200, 133)),
        ("full/DEV/{}.webp?height=200", (300, 200)),
        ("full/image/DEV/{}.webp?width=200", (200, 133)),
        ("optimise/200x0/image/DEV/{}.webp", (200, 133)),
    ],
)
def test_a_resized_photograph_keeps_its_look_and_never_grows(
    system: System, photos: dict[str, bytes], name: str, path: str, size: tuple[int, int]
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    answer = system.edge.get(f"/assets/media/{path.format(name)}")
    assert answer.status_code == 200
    assert decode(answer.content).size == size
    assert distance(answer.content, decode(photos["china.jpg"]).resize(size, Image.Resampling.LANCZOS)) < CLOSE


def test_both_sides_given_cover_the_box_and_cut_the_centre(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for box in ((100, 100), (300, 50), (50, 300)):
        answer = system.edge.get(f"/assets/media/optimise/{box[0]}x{box[1]}/DEV/{name}.webp")
        expected = ImageOps.fit(decode(photos["china.jpg"]), box, Image.Resampling.LANCZOS)
        assert distance(answer.content, expected) < CLOSE


def test_lower_quality_makes_fewer_bytes(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    good, poor = (
        system.edge.get(f"/assets/media/full/DEV/{name}.webp?width=300&quality={quality}").content
        for quality in (90, 30)
    )
    assert len(poor) < len(good) / 2


def test_orientation_is_applied_and_metadata_is_gone(system: System, photos: dict[str, bytes], name: str) -> None:
    image = decode(photos["flower.jpg"])
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret place"
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, exif=exif)
    system.upload(f"{name}.jpg", out.getvalue())
    answer = system.edge.get(f"/assets/media/optimise/100x0/DEV/{name}.webp")
    upright = image.transpose(Image.Transpose.ROTATE_270)
    assert distance(answer.content, upright.resize((100, 150), Image.Resampling.LANCZOS)) < CLOSE
    assert not decode(answer.content).getexif()
    assert b"secret" not in answer.content


def test_an_upload_that_keeps_its_type_is_delivered_as_stored(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], toWebp="false")
    assert entry["mimetype"] == "image/jpeg"
    assert entry["filename"] == f"{name}.jpg"
    answer = system.edge.get(f"/assets/media/full/DEV/{name}.jpg")
    assert answer.content == photos["china.jpg"]


def test_the_other_name_of_an_asset_redirects_with_its_query(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for client in (system.edge, system.api):
        for _ in range(2):  # The second answer comes from a cache, for the edge.
            answer = client.get(f"/assets/media/original/DEV/{name}.webp?a=1&a=2")
            assert answer.status_code == 302
            assert answer.headers["location"] == f"/assets/media/original/DEV/{name}.jpg?a=1&a=2"
            answer = client.get(f"/assets/media/full/DEV/{name}.jpg?width=200&v=7")
            assert answer.status_code == 302
            assert answer.headers["location"] == f"/assets/media/full/DEV/{name}.webp?width=200&v=7"
    other = system.edge.get(f"/assets/media/original/DEV/{name}.webp?b=3")
    assert other.headers["location"].endswith(f"{name}.jpg?b=3")


def test_names_that_were_never_uploaded_are_not_found(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for path in (f"full/DEV/{name}.png", f"original/DEV/{name}.png", f"full/DEV/no-{name}.webp", f"full/{name}.webp"):
        answer = system.edge.get(f"/assets/media/{path}")
        assert answer.status_code == 404, path
        assert problem(answer)["message"]


def test_every_answer_says_what_it_is(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for path in (f"original/DEV/{name}.jpg", f"full/DEV/{name}.webp", f"optimise/200x0/DEV/{name}.webp"):
        for client in (system.edge, system.api):
            headers = client.get(f"/assets/media/{path}").headers
            assert headers["etag"].startswith('"')
            assert headers["last-modified"]
            assert "max-age" in headers["cache-control"]
            assert headers["content-length"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-cache-status"] in ("MISS", "HIT")


def test_a_matching_validator_gets_304_and_head_gets_no_body(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/200x0/DEV/{name}.webp"
    for client in (system.transform, system.edge, system.edge, system.api):
        whole = client.get(path)
        head = client.head(path)
        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == str(len(whole.content))
        assert head.headers["etag"] == whole.headers["etag"]
        fresh = client.get(path, headers={"If-None-Match": whole.headers["etag"]})
        assert (fresh.status_code, fresh.content) == (304, b"")
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
        fresh = client.get(path, headers={"If-Modified-Since": whole.headers["last-modified"]})
        assert fresh.status_code == 304


def test_a_part_of_an_original_can_be_asked_for(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    for client in (system.transform, system.edge, system.edge):
        part = client.get(path, headers={"Range": "bytes=1000-1999"})
        assert part.status_code == 206
        assert part.content == photos["china.jpg"][1000:2000]
        assert part.headers["content-range"] == f"bytes 1000-1999/{len(photos['china.jpg'])}"
        assert client.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416


@pytest.mark.parametrize(
    ("extension", "media_type", "content"),
    [
        ("svg", "image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("pdf", "application/pdf", pdf()),
    ],
)
def test_documents_are_delivered_as_stored_and_can_run_nothing(
    system: System, name: str, extension: str, media_type: str, content: bytes
) -> None:
    entry = system.upload(f"{name}.{extension}", content)
    assert entry["public_url"].endswith(f"/assets/media/original/DEV/{name}.{extension}")
    for form in ("original", "full", "optimise/0x0"):
        answer = system.edge.get(f"/assets/media/{form}/DEV/{name}.{extension}")
        assert answer.content == content
        assert answer.headers["content-type"].startswith(media_type)
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_sizes_that_cannot_be_are_refused_and_not_cached(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for path in (
        f"optimise/-1x5/DEV/{name}.webp",
        f"optimise/99999999x1/DEV/{name}.webp",
        f"optimise/axb/DEV/{name}.webp",
        f"optimise/10/DEV/{name}.webp",
        f"full/DEV/{name}.webp?width=-3",
        f"full/DEV/{name}.webp?width=1e3",
        f"full/DEV/{name}.webp?quality=101",
        f"full/DEV/{name}.webp?format=gif",
        f"full/DEV/{name}.webp?fit=inside",
        f"optimise/9x9/DEV/{name}.webp?crop=0.5",
        f"optimise/9x9/DEV/{name}.webp?crop=0.5,1.5",
        f"optimise/9x9/DEV/{name}.webp?crop=0.125,1",
        f"optimise/9x9/DEV/{name}.webp?dpr=5",
        f"optimise/9x9/DEV/{name}.webp?max_kb=-1",
    ):
        for _ in range(2):
            answer = system.edge.get(f"/assets/media/{path}")
            assert answer.status_code == 400, path
            assert problem(answer)["hint"], path
            assert answer.headers["x-cache-status"] != "HIT"


def test_an_expired_asset_is_a_placeholder(system: System, photos: dict[str, bytes], name: str) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"], expired="true")
    for form in (f"full/DEV/{name}.webp", f"original/DEV/{name}.jpg", f"optimise/50x0/DEV/{name}.webp"):
        answer = system.edge.get(f"/assets/media/{form}")
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert b"<svg" in answer.content


def test_a_foreign_namespace_is_a_placeholder(system: System) -> None:
    answer = system.edge.get("/assets/media/full/OTHER/cat.webp")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("image/svg+xml")


def test_expiry_holds_to_the_second_whatever_the_caches_hold(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    end = datetime.now(UTC) + timedelta(seconds=4)
    system.upload(f"{name}.jpg", photos["china.jpg"], expiration_date=end.isoformat())
    path = f"/assets/media/optimise/80x0/DEV/{name}.webp"
    served_until = 0.0
    with system.paused("jobs"):  # Nobody purges: the caches alone have to forget.
        statuses = []
        while time.time() < end.timestamp() + 1.5:
            started = time.time()
            answer = system.edge.get(path)
            statuses.append(answer.headers["x-cache-status"])
            if answer.status_code == 200:
                served_until = started
            time.sleep(0.05)
    assert "HIT" in statuses
    assert served_until < end.timestamp()
    assert served_until > end.timestamp() - 2, "it expired long before its date"


def test_bytes_that_are_not_the_signed_ones_are_never_served(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    (system.stack.data / "storage" / entry["storage_key"]).write_bytes(photos["flower.jpg"])
    for path in (f"original/DEV/{name}.jpg", f"full/DEV/{name}.webp"):
        for _ in range(2):
            answer = system.edge.get(f"/assets/media/{path}")
            assert answer.status_code == 500
            assert answer.headers["x-cache-status"] == "MISS"
    assert "signature_mismatch" in system.log("transform")


def test_a_large_file_that_was_changed_is_cut_and_no_cache_keeps_it(system: System, name: str) -> None:
    entry = system.upload(f"{name}.pdf", pdf(size=9_000_000))
    path = f"/assets/media/original/DEV/{name}.pdf"
    stored = system.stack.data / "storage" / entry["storage_key"]
    whole = stored.read_bytes()
    damaged = bytearray(whole)
    damaged[4_000_000] ^= 1
    stored.write_bytes(damaged)
    for client in (system.transform, system.cache, system.edge, system.edge):
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            client.get(path)
    part = system.transform.get(path, headers={"Range": "bytes=0-9"})
    assert part.status_code == 500
    assert b"PDF" not in part.content
    stored.write_bytes(whole)
    for client in (system.cache, system.edge):
        mended = client.get(path)
        assert mended.headers["x-cache-status"] == "MISS"
        assert mended.content == whole
    assert '"event":"signature_mismatch"' in system.log("transform")


def test_a_file_that_is_gone_from_the_storage_is_not_found(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    (system.stack.data / "storage" / entry["storage_key"]).unlink()
    answer = system.edge.get(f"/assets/media/full/DEV/{name}.webp")
    assert answer.status_code == 404
    assert system.api.get(f"/catalog/{entry['uuid']}").status_code == 200


def test_an_unconverted_asset_takes_no_name_away_from_a_converted_one(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    converted = f"/assets/media/original/DEV/{name}.webp"
    assert system.edge.get(converted).status_code == 302
    system.upload(f"{name}.jpg", photos["flower.jpg"], toWebp="false")
    assert system.edge.get(f"/assets/media/original/DEV/{name}.jpg").content == photos["flower.jpg"]
    assert system.edge.get(f"/assets/media/full/DEV/{name}.jpg").content == photos["flower.jpg"]
    answer = system.edge.get(converted)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content == photos["china.jpg"]


def test_a_storage_that_is_not_mounted_is_down_and_has_lost_no_file(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system()
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    storage = system.stack.data / "storage"
    away = storage.rename(storage.with_name("away"))
    storage.mkdir()
    for path in (f"original/DEV/{name}.jpg", f"optimise/40x0/DEV/{name}.webp"):
        answer = system.edge.get(f"/assets/media/{path}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert system.api.get("/readiness-check").status_code == 503
    form: dict[str, Any] = {"files": {"file": ("new.jpg", photos["china.jpg"])}, "data": {"namespace": "DEV"}}
    assert system.api.post("/file", **form).status_code == 503
    storage.rmdir()
    away.rename(storage)
    assert system.edge.get(f"/assets/media/original/DEV/{name}.jpg").content == photos["china.jpg"]
    assert system.api.get("/catalog").json() == [entry]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", 'inline; filename="{}.{}"'),
        ("?download=", 'inline; filename="{}.{}"'),
        ("?download=1", 'attachment; filename="{}.{}"'),
        ("?download=Gr%C3%BC%c3%9fe%20x", "attachment; filename=\"{}.{}\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20x.{}"),
        # As encodeURIComponent and URLSearchParams write them, and what people type.
        ("?download=Menu%20(new)!~*'", "attachment; filename=\"{}.{}\"; filename*=UTF-8''Menu%20%28new%29!~%2A%27.{}"),
        ("?download=a+b%2Bc", "attachment; filename=\"{}.{}\"; filename*=UTF-8''a%20b+c.{}"),
        (
            "?download=a,b:c@d;e=f$g?h",
            "attachment; filename=\"{}.{}\"; filename*=UTF-8''a%2Cb%3Ac%40d%3Be%3Df$g%3Fh.{}",
        ),
        ('?download=a";x="', "attachment; filename=\"{}.{}\"; filename*=UTF-8''a%22%3Bx%3D%22.{}"),
        # An extension is one only if a kind of file has it.
        ("?download=J.Smith", "attachment; filename=\"{}.{}\"; filename*=UTF-8''J.Smith.{}"),
        ("?download=photo.JPEG", "attachment; filename=\"{}.{}\"; filename*=UTF-8''photo.{}"),
        ("?download=setup.exe", "attachment; filename=\"{}.{}\"; filename*=UTF-8''setup.exe.{}"),
        ("?download=.png", "attachment; filename=\"{}.{}\"; filename*=UTF-8''.png.{}"),
        ("?x=1&DOWNLOAD=a&download=b", "attachment; filename=\"{}.{}\"; filename*=UTF-8''a.{}"),
    ],
)
def test_an_asset_is_saved_under_its_name_or_one_of_the_clients(
    system: System, photos: dict[str, bytes], name: str, query: str, said: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for form, extension in ((f"original/DEV/{name}.jpg", "jpg"), (f"optimise/60x0/DEV/{name}.webp", "webp")):
        plain = system.edge.get(f"/assets/media/{form}")
        for port in (system.ports.edge, system.ports.api):
            answer = get_as_is(port, f"/assets/media/{form}{query}")
            assert answer.headers["content-disposition"] == said.format(name, extension, extension)
            assert answer.headers["x-cache-status"] == "HIT", "a name makes no cache entry of its own"
            assert answer.content == plain.content


@pytest.mark.parametrize("written", REFUSED_NAMES)
def test_a_name_that_is_not_valid_is_refused_with_the_reason(
    system: System, photos: dict[str, bytes], name: str, written: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for form in (f"original/DEV/{name}.jpg", f"optimise/60x0/DEV/{name}.webp"):
        assert system.edge.get(f"/assets/media/{form}").status_code == 200
        for port in (system.ports.edge, system.ports.api):
            answer = get_as_is(port, f"/assets/media/{form}?download={written}")
            assert answer.status_code == 400
            assert problem(answer)["message"].startswith("download is not a valid file name")


def test_pages_of_other_origins_may_read_answers_and_see_how_long_they_took(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(ORIGINS_ALLOWED="https://cms.example.com,shop.example.com")
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/original/DEV/{name}.jpg"
    for client in (system.edge, system.api):
        for origin in ("https://cms.example.com", "http://shop.example.com:8443"):
            headers = client.get(path, headers={"Origin": origin}).headers
            assert headers["access-control-allow-origin"] == headers["timing-allow-origin"] == origin
            assert headers["vary"] == "Origin"
            assert {"ETag", "Content-Range"} <= set(headers["access-control-expose-headers"].split(", "))
        others = client.get(path, headers={"Origin": "https://elsewhere.example.com"}).headers
        assert {"access-control-allow-origin", "timing-allow-origin"}.isdisjoint(others)
        assert others["vary"] == "Origin"
    asked = {"Origin": "https://cms.example.com", "Access-Control-Request-Headers": "if-none-match"}
    allowed = system.edge.options(path, headers={**asked, "Access-Control-Request-Method": "GET"})
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-headers"] == "*"
    assert allowed.headers["access-control-allow-methods"] == "GET, HEAD"


def test_a_failure_is_never_cached_and_a_no_for_a_minute(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system()
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp"
    system.kill("transform")
    for client in (system.cache, system.edge, system.edge):
        failed = client.get(path)
        assert (failed.status_code, failed.headers["cache-control"]) == (503, "no-store")
    system.start("transform")
    assert [system.edge.get(path).headers["x-cache-status"] for _ in range(2)] == ["MISS", "HIT"]
    missing = f"/assets/media/full/DEV/no-{name}.webp"
    no = system.transform.get(missing)
    assert (no.status_code, no.headers["x-accel-expires"], no.headers["x-edge-expires"]) == (404, "60", "60")
    assert [system.edge.get(missing).headers["x-cache-status"] for _ in range(2)] == ["MISS", "HIT"]
    system.upload(f"no-{name}.jpg", photos["flower.jpg"])
    assert system.edge.get(missing).status_code == 200


@pytest.mark.parametrize("form", ["original", "full"])
def test_a_part_of_a_document_can_be_asked_for(system: System, name: str, form: str) -> None:
    content = pdf(filling=bytes(range(256)) * 40)
    system.upload(f"{name}.pdf", content)
    for client in (system.transform, system.edge, system.edge, system.api):
        part = client.get(f"/assets/media/{form}/DEV/{name}.pdf", headers={"Range": "bytes=-6"})
        assert (part.status_code, part.content) == (206, b"%%EOF\n")
        assert client.get(f"/assets/media/{form}/DEV/{name}.pdf").headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    ("query", "media_type", "size"),
    [
        ("fit=contain", "image/webp", (100, 67)),
        ("fit=fill", "image/webp", (100, 100)),
        ("fit=contain&dpr=2", "image/webp", (200, 133)),
        ("dpr=1.5&format=jpeg", "image/jpeg", (150, 150)),
        ("dpr=4&format=png&crop=smart", "image/png", (400, 400)),
        ("format=avif&crop=0,1", "image/avif", (100, 100)),
        ("max_kb=2&crop=1%2C0", "image/webp", (100, 100)),
    ],
)
def test_fit_format_crop_density_and_budget_are_asked_for_by_the_query(
    system: System, photos: dict[str, bytes], name: str, query: str, media_type: str, size: tuple[int, int]
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/100x100/DEV/{name}.webp"
    answer = system.edge.get(f"{path}?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert decode(answer.content).size == size
    assert answer.headers["content-disposition"].endswith(
        f'{name}.{"jpg" if "jpeg" in media_type else media_type[6:]}"'
    )
    assert answer.headers["etag"] != system.edge.get(path).headers["etag"]
    if "max_kb" in query:
        assert len(answer.content) <= 2048
    by_arguments = system.edge.get(f"/assets/media/full/DEV/{name}.webp?width=100&height=100&{query}")
    assert by_arguments.content == answer.content


def test_a_cut_has_the_point_that_is_asked_for(system: System, photos: dict[str, bytes], name: str) -> None:
    photo = decode(photos["china.jpg"])
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/100x427/DEV/{name}.webp"
    for crop, left in (("", 270), ("crop=0.5,0.5", 270), ("crop=0,0.5", 0), ("crop=0.25,0", 110), ("crop=1,1", 540)):
        answer = system.edge.get(f"{path}?{crop}")
        assert distance(answer.content, photo.crop((left, 0, left + 100, 427))) < CLOSE, crop


def test_a_cut_is_made_around_the_focal_point_unless_the_address_says_where(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    photo = decode(photos["china.jpg"])
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], focus_x="0.25", focus_y="0")
    assert (entry["focus_x"], entry["focus_y"], entry["version"]) == (0.25, 0.0, 1)
    path = f"/assets/media/optimise/100x427/DEV/{name}.webp"

    def shows(query: str, left: int) -> str:
        answer = system.edge.get(f"{path}{query}")
        assert distance(answer.content, photo.crop((left, 0, left + 100, 427))) < CLOSE, query
        return str(answer.headers["etag"])

    first = shows("", 110)
    assert shows("?crop=0.25,0", 110) != shows("?crop=0.5,0.5", 270)
    shows("?crop=1,1", 540)
    for body, left in (({"focus_x": 1, "focus_y": 1}, 540), ({"focus_x": None, "focus_y": None}, 270)):
        answer = system.api.patch(f"/catalog/{entry['uuid']}", json=body)
        assert (answer.status_code, answer.headers["x-purge"]) == (200, "done")
        assert shows("", left) != first
    form = [("focus_x", (None, "0")), ("focus_y", (None, "0.5"))]
    assert system.api.patch(f"/file/{entry['uuid']}", files=form).json()["data"][0]["focus_x"] == 0
    shows("", 0)


def test_a_density_asks_for_no_more_than_the_largest_side(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(SIDE_MAX="300")
    system.upload(f"{name}.jpg", photos["china.jpg"])
    for query, size in (("dpr=1", (200, 100)), ("dpr=1.5", (300, 150)), ("dpr=4", (300, 150))):
        answer = system.edge.get(f"/assets/media/optimise/200x100/DEV/{name}.webp?{query}")
        assert decode(answer.content).size == size, query


def test_an_unconverted_photograph_or_a_drawing_becomes_another_format_when_asked(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    system.upload(f"{name}.jpg", photos["china.jpg"], toWebp="false")
    for path, media_type in ((f"{name}.jpg", "image/jpeg"), (f"{name}.jpg?format=webp", "image/webp")):
        assert system.edge.get(f"/assets/media/full/DEV/{path}").headers["content-type"] == media_type
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'
    system.upload(f"{name}.svg", svg)
    for path in (f"full/DEV/{name}.svg?format=png&width=9", f"optimise/0x0/DEV/{name}.svg?quality=9&max_kb=3"):
        assert system.edge.get(f"/assets/media/{path}").content == svg
    for path, size in ((f"0x0/DEV/{name}.svg?format=png", (40, 20)), (f"80x0/DEV/{name}.svg?dpr=2", (160, 80))):
        assert decode(system.edge.get(f"/assets/media/optimise/{path}").content).size == size
