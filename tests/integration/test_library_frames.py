"""Who may have the library in a frame, and who may load <tada-picker>."""

from pathlib import Path
from typing import Any

from services.catalog.settings import CatalogSettings
from services.core.state.connection import Redis
from tests.processes.redis_server import RedisServer
from tests.support.problems import problem
from tests.support.service import running

CMS = "https://cms.example.com"


def settings(server: RedisServer, folder: Path, **more: Any) -> CatalogSettings:
    return CatalogSettings(redis_url=server.url, data_folder_path=folder, media_token="s3cret", **more)


def frames(policy: str) -> str:
    return next(part for part in policy.split("; ") if part.startswith("frame-ancestors"))


async def test_nobody_may_by_default(server: RedisServer, client: Redis, tmp_path: Path) -> None:
    async with running(settings(server, tmp_path), client) as http:
        for query in ("", "?pick=1", "?pick=many"):
            answer = await http.get(f"/library{query}")
            assert frames(answer.headers["content-security-policy"]) == "frame-ancestors 'none'"
        missing = await http.get("/library/picker.js")
        assert missing.status_code == 404
        assert "LIBRARY_EMBEDDERS" in problem(missing)["hint"]


async def test_those_who_may_are_named_where_files_are_picked(
    server: RedisServer, client: Redis, tmp_path: Path
) -> None:
    allowed = settings(server, tmp_path, library_embedders=f"{CMS},'self'", origins_allowed="https://other.example.com")
    async with running(allowed, client) as http:
        policy = (await http.get("/library?pick=1")).headers["content-security-policy"]
        assert frames(policy) == f"frame-ancestors {CMS} 'self'"
        assert frames((await http.get("/library")).headers["content-security-policy"]) == "frame-ancestors 'none'"
        script = await http.get("/library/picker.js", headers={"origin": CMS})
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["cache-control"] == "public, max-age=300"
        assert script.headers["access-control-allow-origin"] == CMS
        again = await http.get("/library/picker.js", headers={"if-none-match": script.headers["etag"], "origin": CMS})
        assert (again.status_code, again.headers["access-control-allow-origin"]) == (304, CMS)
        for stranger in ("https://evil.example.com", "null", f"{CMS}.evil.example"):
            refused = await http.get("/library/picker.js", headers={"origin": stranger})
            assert "access-control-allow-origin" not in refused.headers


async def test_a_browser_that_has_the_page_gets_the_policy_of_today(
    server: RedisServer, client: Redis, tmp_path: Path
) -> None:
    """A browser does not take a new policy from a 304."""
    tags = []
    for named in ("", CMS, f"{CMS},https://more.example.com"):
        async with running(settings(server, tmp_path, library_embedders=named), client) as http:
            tags += [(await http.get(f"/library{query}")).headers["etag"] for query in ("", "?pick=1")]
    assert len(set(tags[1:])) == 5
