"""Whether an upload is delivered as WebP: what toWebp says, and CONVERT_TO_WEBP without it, but not for a GIF."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.core.assets import media_types
from services.core.state.connection import Redis
from tests.processes.redis_server import RedisServer
from tests.support.pictures import RED, animation, encoded, marked
from tests.support.service import running

PHOTO, OTHER = (encoded(marked((size, 48), RED), "JPEG") for size in (64, 32))
DRAWING = encoded(marked((64, 48), RED), "PNG")
WAVE, OTHER_WAVE = (animation("GIF", (size, 48)) for size in (64, 32))


def service(
    folder: Path, server: RedisServer, client: Redis, *, convert_to_webp: bool = True
) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    settings = CatalogSettings(
        redis_url=server.url,
        data_folder_path=folder,
        namespaces_allowed=("DEV",),
        valid_mimetypes=tuple(media_types.KNOWN),
        purge_wait_seconds=0,
        convert_to_webp=convert_to_webp,
    )
    return running(settings, client)


async def upload(http: httpx.AsyncClient, name: str, content: bytes, to_webp: str | None = None) -> dict[str, Any]:
    form = {"namespace": "DEV", **({} if to_webp is None else {"toWebp": to_webp})}
    answer = await http.post("/file", files={"file": (name, content)}, data=form)
    assert answer.status_code == 200, answer.text
    [entry] = answer.json()["data"]
    return dict(entry)


async def replacement(http: httpx.AsyncClient, entry: dict[str, Any], name: str, content: bytes) -> httpx.Response:
    return await http.patch(f"/file/{entry['uuid']}", files={"file": (name, content)})


@pytest.mark.parametrize(
    ("default", "given", "media_type"),
    [
        (True, None, "image/webp"),
        (True, "", "image/webp"),
        (True, "false", "image/jpeg"),
        (False, None, "image/jpeg"),
        (False, "", "image/jpeg"),
        (False, "true", "image/webp"),
    ],
)
async def test_an_upload_that_does_not_say_follows_the_setting(
    tmp_path: Path, server: RedisServer, client: Redis, default: bool, given: str | None, media_type: str
) -> None:
    async with service(tmp_path, server, client, convert_to_webp=default) as http:
        entry = await upload(http, "cat.jpg", PHOTO, given)
    assert entry["mimetype"] == media_type
    assert entry["filename"] == ("cat.webp" if media_type == "image/webp" else "cat.jpg")


async def test_a_replacement_follows_the_entry(tmp_path: Path, server: RedisServer, client: Redis) -> None:
    async with service(tmp_path, server, client, convert_to_webp=False) as http:
        entry = await upload(http, "cat.jpg", PHOTO, "true")
        replaced = await replacement(http, entry, "dog.jpg", OTHER)
    assert (replaced.status_code, replaced.json()["data"][0]["mimetype"]) == (200, "image/webp")


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("given", [None, "", "false", "true"])
async def test_a_gif_is_converted_only_when_its_upload_says_so(
    tmp_path: Path, server: RedisServer, client: Redis, default: bool, given: str | None
) -> None:
    async with service(tmp_path, server, client, convert_to_webp=default) as http:
        entry = await upload(http, "wave.gif", WAVE, given)
    kept = ("/DEV/wave.gif", "image/gif", "/assets/media/original/DEV/wave.gif", False)
    converted = ("/DEV/wave.webp", "image/webp", "/assets/media/full/DEV/wave.webp", True)
    found = tuple(entry[name] for name in ("unique_name", "mimetype", "public_url", "converted"))
    assert found == (converted if given == "true" else kept)
    assert (entry["original_filename"], entry["original_mimetype"]) == ("wave.gif", "image/gif")
    assert (tmp_path / entry["storage_key"]).read_bytes() == WAVE


async def test_a_gif_takes_a_gif_alone_and_one_that_was_converted_any_picture(
    tmp_path: Path, server: RedisServer, client: Redis
) -> None:
    async with service(tmp_path, server, client) as http:
        kept = await upload(http, "wave.gif", WAVE)
        for name, content in (("new.png", DRAWING), ("new.jpg", PHOTO)):
            refused = await replacement(http, kept, name, content)
            assert refused.json()["errors"] == ["Replacement not allowed for files without conversion"]
        replaced = await replacement(http, kept, "new.gif", OTHER_WAVE)
        [entry] = replaced.json()["data"]
        assert (entry["version"], entry["unique_name"], entry["mimetype"]) == (2, "/DEV/wave.gif", "image/gif")
        assert entry["public_url"] == kept["public_url"]

        converted = await upload(http, "wave.gif", WAVE, "true")
        versions = [("new.png", DRAWING), ("new.gif", OTHER_WAVE), ("new.jpg", PHOTO)]
        for version, (name, content) in enumerate(versions, 2):
            replaced = await replacement(http, converted, name, content)
            [entry] = replaced.json()["data"]
            assert (entry["version"], entry["unique_name"], entry["mimetype"]) == (
                version,
                "/DEV/wave.webp",
                "image/webp",
            )
            assert entry["original_filename"] == f"wave.{name[-3:]}"


async def test_a_gif_and_another_picture_of_the_same_name_are_two_assets(
    tmp_path: Path, server: RedisServer, client: Redis
) -> None:
    async with service(tmp_path, server, client) as http:
        gif, png = await upload(http, "a.gif", WAVE), await upload(http, "a.png", DRAWING)
        again = await http.post("/file", files={"file": ("a.gif", OTHER_WAVE)}, data={"namespace": "DEV"})
        taken = await http.post("/file", files={"file": ("a.gif", WAVE)}, data={"namespace": "DEV", "toWebp": "true"})
        listed = (await http.get("/catalog")).json()
    assert {entry["unique_name"] for entry in listed} == {"/DEV/a.gif", "/DEV/a.webp"}
    assert [answer.json()["problems"][0]["uuid"] for answer in (again, taken)] == [gif["uuid"], png["uuid"]]
