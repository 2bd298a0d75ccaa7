"""Which origins are allowed: the gateway and the catalog service read ORIGINS_ALLOWED and must mean the same.

The gateway's program runs on the standard library alone, in an image without the services: the rule stands twice, and
this table holds both to it.
"""

import re

import httpx
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from gateway.nginx import render
from services.catalog.middleware import cors
from services.catalog.settings import CatalogSettings

HERE = "https://cms.example.com"
TABLE = [
    ("*", HERE, True),
    ("https://a.example, *", HERE, True),
    (",", HERE, False),
    ("https://cms.example.com", HERE, True),
    ("https://cms.example.com/", HERE, True),
    (" https://a.example , https://cms.example.com ", HERE, True),
    ("HTTPS://CMS.Example.com", HERE, True),
    ("https://cms.example.com", "http://cms.example.com", False),
    ("https://cms.example.com", "https://cms.example.com:8443", False),
    ("https://cms.example.com:8443", "https://cms.example.com:8443", True),
    ("https://cms.example.com", "https://cms.example.com.evil.example", False),
    ("https://cms.example.com", "https://evil.example/https://cms.example.com", False),
    ("https://cms.example.com", "https://cmsxexample.com", False),
    ("https://cms.example.com", "null", False),
    ("cms.example.com", HERE, True),
    ("cms.example.com", "http://cms.example.com:3000", True),
    ("cms.example.com", "https://cms.example.com:x", False),
    ("cms.example.com", "https://a.cms.example.com", False),
    ("localhost", "http://localhost.evil.example", False),
    ("localhost", "http://evil.example/localhost", False),
    ("https://[::1]:3000", "https://[::1]:3000", True),
    (r"/^https:\/\/[a-z]+\.example\.com$/", HERE, True),
    (r"/^https:\/\/[a-z]+\.example\.com$/", "https://cms.example.com.evil.example", False),
    (r"/^https:\/\/[a-z]+\.example\.com$/", "http://cms.example.com", False),
    (r"localhost, /\.example\.com$/", HERE, True),
    (r"localhost, /\.example\.com$/", "http://localhost:3000", True),
    (r"/example/", "https://an.example.of.anything", True),
    (r"/CMS/", HERE, False),
    (r"/^https:..(cms|www)\.example\.com$/", HERE, True),
    (r"/\d\.test\"?$/", "https://cms2.test", True),
    ("/a/,*", HERE, True),
]


def of_the_gateway(text: str, origin: str) -> bool:
    given = {"TIER": "edge", "PURGE_TOKEN": "token-of-the-tests", "ORIGINS_ALLOWED": text}
    values = render.placeholders(render.read(given))
    # As the map in common.conf.template.
    named = re.search(f"^(?:{values['CORS_ORIGINS']})$", origin, re.IGNORECASE)
    lines = values["CORS_EXPRESSIONS"].splitlines()
    expressions = [re.sub(r"\\(.)", r"\1", line.strip().split('"', 1)[1].rsplit('"', 1)[0][1:]) for line in lines]
    expressed = any(re.search(expression, origin) for expression in expressions)
    return bool(named) or expressed or values["CORS_OTHERS"] == "*"


async def of_the_catalog(origins: tuple[str, ...], origin: str) -> bool:
    app = Starlette(middleware=[Middleware(cors.Cors, **cors.options(origins, ("GET",)))])
    app.add_route("/", lambda request: PlainTextResponse("done"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service.test") as http:
        answer = await http.get("/", headers={"origin": origin})
    return answer.headers.get("access-control-allow-origin") in (origin, "*")


@pytest.mark.parametrize(("text", "origin", "allowed"), TABLE)
async def test_gateway_and_catalog_allow_the_same_origins(
    monkeypatch: pytest.MonkeyPatch, text: str, origin: str, allowed: bool
) -> None:
    monkeypatch.setenv("ORIGINS_ALLOWED", text)
    assert of_the_gateway(text, origin) is allowed
    assert await of_the_catalog(CatalogSettings().origins_allowed, origin) is allowed


@pytest.mark.parametrize("text", ["/[/", "/", "//", "/a", "/(/", "/a/b,/c/", r"/(?i)example\.com$/", "/a)|(b/"])
def test_what_begins_like_a_regular_expression_and_is_none_stops_the_start_of_both(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    given = {"TIER": "edge", "PURGE_TOKEN": "token-of-the-tests", "ORIGINS_ALLOWED": text}
    with pytest.raises(render.SettingError, match=r"ORIGINS_ALLOWED: .*regular expression"):
        render.placeholders(render.read(given))
    monkeypatch.setenv("ORIGINS_ALLOWED", text)
    with pytest.raises(ValidationError, match="regular expression"):
        CatalogSettings()
