"""The fields that a client sets, through every route that takes them and every one that shows them: a real Redis."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from services.catalog.settings import CatalogSettings
from services.core.assets import identity
from services.core.state import keys
from services.core.state.connection import Redis
from tests.processes.redis_server import RedisServer
from tests.support.pictures import RED, encoded, marked
from tests.support.problems import problem
from tests.support.service import running
from tests.support.waits import eventually

PHOTO = encoded(marked((64, 48), RED), "JPEG")
NAME = "/DEV/cat.webp"
UUID = identity.asset_uuid(NAME)
NOTHING: dict[str, Any] = {
    **dict.fromkeys(("visible_from", "title", "alt", "caption", "credit")),
    "tags": [],
    "meta": {},
}
SAID = {
    "visible_from": "2026-01-31T00:00:00.000+00:00",
    "title": "Été",
    "alt": "A grey cat",
    "caption": "At noon",
    "credit": "A. Person",
    "tags": ["cat", "red, white"],
    "meta": {"shop": 7},
}
FORM: dict[str, Any] = {**SAID, "visible_from": "2026-01-31", "tags": '["cat", "red, white"]', "meta": '{"shop": 7}'}
Fields = Sequence[tuple[str, str]]


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    settings = CatalogSettings(
        redis_url=server.url, data_folder_path=tmp_path, namespaces_allowed=("DEV",), purge_wait_seconds=0
    )
    async with running(settings, client) as made:
        yield made


async def sent(http: httpx.AsyncClient, route: str, fields: Fields) -> httpx.Response:
    """Send a form with fields, and with a file where the route needs one. Routes of changes are for the cat."""
    method, path = route.split()
    parts: list[tuple[str, Any]] = [(name, (None, text)) for name, text in fields]
    if method == "POST":
        parts.append(("namespace", (None, "DEV")))
    elif path == "/files":
        parts.append(("uuids", (None, UUID)))
    if method == "POST" or path == "/files":
        parts.append((path[1:].partition("/")[0], ("cat.jpg", PHOTO)))
    return await http.request(method, path, files=parts)


async def sent_json(http: httpx.AsyncClient, route: str, fields: dict[str, Any]) -> httpx.Response:
    method, path = route.split()
    body = fields if UUID in path else [{"uuid": UUID, **fields}]
    return await http.request(method, path, json=body)


def entry_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["data"]
    return dict(found)


def said_in(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in NOTHING}


NEW = ["POST /file", "POST /files"]
BY_FORM = [f"PATCH /file/{UUID}", "PATCH /files"]
BY_JSON = [f"PATCH /file/{UUID}", f"PATCH /catalog/{UUID}", "PATCH /files", "PATCH /catalog"]


@pytest.mark.parametrize("route", NEW)
async def test_a_new_asset_has_the_fields_of_its_form(http: httpx.AsyncClient, route: str) -> None:
    assert said_in(entry_of(await sent(http, route, [*FORM.items()]))) == SAID
    assert said_in((await http.get("/catalog")).json()[0]) == SAID


@pytest.mark.parametrize("route", BY_FORM)
async def test_a_form_changes_fields_and_empty_texts_clear_them(http: httpx.AsyncClient, route: str) -> None:
    await sent(http, "POST /file", [])
    assert said_in(entry_of(await sent(http, route, [*FORM.items()]))) == SAID
    answer = await sent(http, route, [("alt", "other")])
    assert said_in(entry_of(answer)) == {**SAID, "alt": "other"}
    assert said_in(entry_of(await sent(http, route, [(name, "") for name in NOTHING]))) == NOTHING


@pytest.mark.parametrize("nothing", [dict.fromkeys(NOTHING), dict.fromkeys(NOTHING, ""), NOTHING])
@pytest.mark.parametrize("route", BY_JSON)
async def test_json_changes_fields_and_null_clears_them(
    http: httpx.AsyncClient, route: str, nothing: dict[str, Any]
) -> None:
    await sent(http, "POST /file", [])
    assert said_in(entry_of(await sent_json(http, route, SAID))) == SAID
    assert said_in(entry_of(await sent_json(http, route, {"alt": "other"}))) == {**SAID, "alt": "other"}
    assert said_in(entry_of(await sent_json(http, route, nothing))) == NOTHING


def as_a_browser(value: object) -> str:
    """Return what FormData.append makes of a value of JSON."""
    match value:
        case dict():
            return "[object Object]"
        case list():
            return ",".join(map(as_a_browser, value))
        case None | bool():
            return orjson.dumps(value).decode()
    return str(value)


@pytest.mark.parametrize("said", [[], [("alt", "A grey cat"), ("external_id", "7"), ("meta", '{"shop": 7}')]])
async def test_a_browser_sends_a_whole_entry_back_in_a_form(http: httpx.AsyncClient, said: Fields) -> None:
    entry = entry_of(await sent(http, "POST /file", said))
    answer = await sent(http, BY_FORM[0], [(name, as_a_browser(value)) for name, value in entry.items()])
    moved_on = ("updated_date", "content_date")
    assert {**entry_of(answer), **{name: entry[name] for name in moved_on}} == entry
    assert [text for text in answer.json()["warnings"] if "meta" in text or "form" in text] == [
        "meta is the text '[object Object]', which had no effect. Send it as JSON: JSON.stringify(entry.meta)."
    ]


@pytest.mark.parametrize("route", [*NEW, *BY_FORM])
async def test_null_and_blanks_of_a_form_are_no_text_but_those_of_json_are(http: httpx.AsyncClient, route: str) -> None:
    if route in BY_FORM:
        await sent(http, "POST /file", [("alt", "A grey cat"), ("title", "Cat")])
    entry = entry_of(await sent(http, route, [("alt", "null"), ("title", " "), ("external_id", "null")]))
    assert (entry["alt"], entry["title"], entry["external_id"]) == (None, None, None)
    assert entry_of(await sent_json(http, BY_JSON[0], {"alt": "null"}))["alt"] == "null"


@pytest.mark.parametrize("route", [*NEW, *BY_FORM])
async def test_all_of_the_tags_count_that_a_form_repeats(http: httpx.AsyncClient, route: str) -> None:
    if route in BY_FORM:
        await sent(http, "POST /file", [])
    tags = ["a, b", '["c, d", "a"]', "", "e"]
    answer = await sent(http, route, [("title", "x"), *(("tags", text) for text in tags), ("title", "y")])
    assert entry_of(answer)["tags"] == ["a", "b", "c, d", "e"]
    told = [text for text in answer.json()["warnings"] if "form" in text]
    assert told == ["The form has more than one field 'title': the last one counted."]


TOO_MUCH: list[tuple[str, Any, str]] = [
    ("title", "é" * 2049, "title must be a text of 4096 bytes at most, not 4098."),
    ("tags", [str(at) for at in range(65)], "tags has 65 tags, and may have 64."),
    ("tags", ["x" * 129], "has 129 characters, and may have 128."),
    ("meta", {"a": "x" * 4096}, "meta has 4104 bytes as JSON, and may have 4096."),
    ("visible_from", "soon", "visible_from is not a date."),
]


@pytest.mark.parametrize(("name", "value", "told"), TOO_MUCH)
async def test_what_does_not_fit_is_named_and_changes_nothing(
    http: httpx.AsyncClient, name: str, value: Any, told: str
) -> None:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    for route in NEW:
        answer = await sent(http, route, [(name, text)])
        assert (answer.status_code, told in problem(answer)["message"]) == (400, True), answer.text
    assert (await http.get("/catalog")).json() == []
    before = entry_of(await sent(http, "POST /file", []))
    answers = [await sent(http, route, [(name, text)]) for route in BY_FORM]
    for answer in answers + [await sent_json(http, route, {name: value}) for route in BY_JSON]:
        assert (answer.status_code, told in problem(answer)["message"]) == (400, True), answer.text
    assert (await http.get("/catalog")).json() == [before]


async def test_an_entry_of_a_version_before_is_shown_with_all_fields(http: httpx.AsyncClient, client: Redis) -> None:
    entry = entry_of(await sent(http, "POST /file", []))
    [key] = await client.hkeys(keys.ENTRIES)  # type: ignore[misc]
    stored = orjson.loads(await client.hget(keys.ENTRIES, key))  # type: ignore[misc]
    before = orjson.dumps({name: value for name, value in stored.items() if name not in NOTHING}).decode()
    await client.hset(keys.ENTRIES, key, before)  # type: ignore[misc]

    async def is_searched() -> bool:
        return (await http.get("/catalog/search")).status_code == 200

    await eventually(is_searched)
    assert (await http.get(f"/catalog/{UUID}")).json()["data"] == [entry]
    assert (await http.get("/catalog/search")).json()["data"] == [entry]
    for query in ("", "?limit=1", "?filterByKey=tags&filterByValue=[]", "?filterByKey=meta&filterByValue={}&limit=1"):
        assert (await http.get(f"/catalog{query}")).json() == [entry], query
