"""Tickets, and uploads with them, as an application and a page see them: with a real Redis."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.gate import Gate
from services.catalog.keyring import Keyring
from services.catalog.oidc.people import People
from services.catalog.settings import CatalogSettings
from services.catalog.tickets import asking
from services.catalog.tickets.tickets import Tickets
from services.catalog.tokens import Principal, Role, Tokens, parse_tokens
from services.core.errors import Forbidden, TicketEnded, TicketInvalid, TicketUsed
from services.core.state import keys
from services.core.state.connection import Redis
from services.core.state.tickets import TicketRecords
from tests.processes.redis_server import RedisServer
from tests.support.pictures import BLUE, GREEN, RED, encoded, marked
from tests.support.problems import problem
from tests.support.service import running

FIRST, SECOND, THIRD = (encoded(marked((64, 48), colour), "JPEG") for colour in (RED, GREEN, BLUE))
PNG = encoded(marked((64, 48), RED), "PNG")
ADMIN, CMS = "token-of-the-admin", "token-of-the-cms"
CMS_LINE = f"cms:write:DEV:{hashlib.sha256(CMS.encode()).hexdigest()}"
ALLOWED = asking.Allowed(("DEV",), ("image/jpeg",), 10_000)
PAGE = {"origin": "https://shop.example.com"}


@pytest.fixture
def settings(server: RedisServer, tmp_path: Path) -> CatalogSettings:
    (tmp_path / "data").mkdir()
    (tmp_path / "tokens").write_text(f"{CMS_LINE}\n")
    return CatalogSettings(
        redis_url=server.url,
        data_folder_path=tmp_path / "data",
        namespaces_allowed=("DEV", "PROD"),
        purge_wait_seconds=0,
        media_token=ADMIN,
        media_tokens_file=tmp_path / "tokens",
        public_url="https://media.example.com",
        upload_url="https://upload.example.com",
        api_prefix="/media",
        origins_allowed=("https://shop.example.com",),
        methods_allowed=("GET",),
    )


@pytest.fixture
async def http(settings: CatalogSettings, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    async with running(settings, client) as made:
        yield made


async def asked(http: httpx.AsyncClient, token: str = ADMIN, **wanted: Any) -> httpx.Response:
    wanted = wanted if "uuid" in wanted else {"namespace": "DEV", **wanted}
    return await http.post("/tickets", json=wanted, headers={"authorization": f"Bearer {token}"})


async def ticket(http: httpx.AsyncClient, token: str = ADMIN, **wanted: Any) -> str:
    answer = await asked(http, token, **wanted)
    assert answer.status_code == 201, answer.text
    text: str = answer.json()["data"][0]["ticket"]
    return text


async def upload(
    http: httpx.AsyncClient, text: str, content: bytes = FIRST, name: str = "cat.jpg", **form: str
) -> httpx.Response:
    files = {"file": (name, content)}
    return await http.post("/direct", params={"ticket": text}, files=files, data=form, headers=PAGE)


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/catalog")).json()
    return found


async def names(http: httpx.AsyncClient) -> list[str]:
    return [entry["unique_name"] for entry in await listed(http)]


async def test_a_page_uploads_what_its_ticket_says_and_sees_the_asset_and_nothing_else(
    http: httpx.AsyncClient, client: Redis
) -> None:
    answer = await asked(
        http,
        destination="avatars",
        filename="4711",
        fields={"tags": ["avatar"], "external_id": "user-4711"},
        may_set=["alt"],
        max_size=len(FIRST),
        media_types=["image/jpeg"],
    )
    [made] = answer.json()["data"]
    assert answer.headers["cache-control"] == "no-store"
    assert made["upload_url"] == f"https://upload.example.com/media/direct?ticket={made['ticket']}"
    assert made["tus_url"] == f"https://upload.example.com/media/direct/tus?ticket={made['ticket']}"
    assert (made["max_size"], made["media_types"], made["uses"]) == (len(FIRST), ["image/jpeg"], 1)
    done = await upload(http, made["ticket"], alt="Me", name="IMG_0001.JPG", submit="Send")
    assert done.status_code == 200, done.text
    [seen] = done.json()["data"]
    assert seen["public_url"] == "https://media.example.com/media/assets/media/full/DEV/avatars/4711.webp"
    assert set(seen) == {
        *("uuid", "version", "public_url", "filename", "original_filename", "versioned_url", "mimetype", "size"),
        *("width", "height", "blurhash", "dominant_color"),
    }
    assert done.headers["access-control-allow-origin"] == PAGE["origin"]
    assert "duplicates" not in done.json()
    assert [warning for warning in done.json()["warnings"] if "worker" in warning] == []
    [entry] = await listed(http)
    assert (entry["uuid"], entry["tags"], entry["external_id"], entry["alt"]) == (
        seen["uuid"],
        ["avatar"],
        "user-4711",
        "Me",
    )
    [(_, change)] = await client.xrevrange(keys.CHANGES, count=1)
    assert change[b"who"] == b"ticket of media"
    again = await upload(http, made["ticket"], SECOND)
    assert (again.status_code, problem(again)["code"]) == (403, "ticket_used")
    assert again.headers["access-control-allow-origin"] == PAGE["origin"]
    assert 0 < await client.ttl(keys.ticket(made["id"])) <= 900 + 3600


@pytest.mark.parametrize(
    ("wanted", "content", "name", "form", "status"),
    [
        ({"max_size": len(FIRST) - 1}, FIRST, "cat.jpg", {}, 413),
        ({"media_types": ["image/png"]}, FIRST, "cat.jpg", {}, 400),
        ({"media_types": ["image/png"]}, FIRST, "cat.png", {}, 400),
        ({"filename": "cat.png"}, FIRST, "cat.jpg", {}, 400),
        ({}, FIRST, "../../cat.jpg", {}, 400),
        ({}, FIRST, "cat.jpg", {"filename": "../cat.jpg"}, 400),
        ({}, FIRST, "cat.jpg", {"namespace": "PROD"}, 400),
        ({}, FIRST, "cat.jpg", {"destination": "elsewhere"}, 400),
        ({}, FIRST, "cat.jpg", {"title": "Mine"}, 400),
        ({"destination": "a", "may_set": ["destination"]}, FIRST, "cat.jpg", {"destination": "a/../b"}, 400),
        ({}, b"", "cat.jpg", {}, 400),
        ({}, FIRST[:500], "cat.jpg", {}, 400),
        ({}, b"<html>", "cat.jpg", {}, 400),
    ],
)
async def test_a_refused_upload_leaves_nothing_and_gives_its_use_back(
    http: httpx.AsyncClient,
    client: Redis,
    wanted: dict[str, Any],
    content: bytes,
    name: str,
    form: dict[str, str],
    status: int,
) -> None:
    text = await ticket(http, **wanted)
    answer = await upload(http, text, content, name, **form)
    assert answer.status_code == status, answer.text
    told = answer.text
    assert not any(inside in told for inside in ("PAYLOAD_MAX_SIZE", "/file", "curl", "media_token"))
    assert await listed(http) == []
    assert await client.keys("tada:ticket:*") == []


async def test_of_uploads_at_once_as_many_succeed_as_the_ticket_allows(http: httpx.AsyncClient) -> None:
    for uses in (1, 3):
        text = await ticket(http, destination=f"for-{uses}", uses=uses)
        answers = await asyncio.gather(*(upload(http, text, name=f"cat-{number}.jpg") for number in range(8)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] * uses + [403] * (8 - uses)
    assert len(await listed(http)) == 4


async def test_a_page_can_try_again_until_it_succeeds(http: httpx.AsyncClient) -> None:
    await upload(http, await ticket(http))
    text = await ticket(http)
    taken = await upload(http, text, SECOND)
    assert (taken.status_code, problem(taken)["code"]) == (400, "already_exists")
    assert set(problem(taken)) == {"code", "message", "hint"}
    assert (await upload(http, text, SECOND, "dog.jpg")).status_code == 200
    assert await names(http) == ["/DEV/cat.webp", "/DEV/dog.webp"]


@pytest.mark.parametrize(
    ("on_conflict", "content", "found"),
    [
        ("rename", SECOND, ["/DEV/cat.webp", "/DEV/cat-2.webp"]),
        ("replace", SECOND, ["/DEV/cat.webp"]),
        ("skip", FIRST, ["/DEV/cat.webp"]),
    ],
)
async def test_a_taken_path_is_treated_as_the_ticket_says(
    http: httpx.AsyncClient, on_conflict: str, content: bytes, found: list[str]
) -> None:
    await upload(http, await ticket(http))
    text = await ticket(http, on_conflict=on_conflict)
    assert (await upload(http, text, content)).status_code == 200
    assert await names(http) == found
    assert problem(await upload(http, text, THIRD))["code"] == "ticket_used"


async def test_a_ticket_for_a_replacement_is_for_that_asset_alone(http: httpx.AsyncClient) -> None:
    [first] = (await upload(http, await ticket(http))).json()["data"]
    text = await ticket(http, uuid=first["uuid"], may_set=["alt"], uses=9)
    for form in ({"filename": "dog.jpg"}, {"destination": "a"}, {"title": "Mine"}, {"namespace": "PROD"}):
        assert (await upload(http, text, SECOND, **form)).status_code == 400
    assert (await upload(http, text, SECOND, "dog.png")).status_code == 400
    [second] = (await upload(http, text, PNG, "dog.png", alt="A dog")).json()["data"]
    assert (second["uuid"], second["version"]) == (first["uuid"], 2)
    admin = {"authorization": f"Bearer {ADMIN}"}
    moved = await http.patch(f"/file/{first['uuid']}", json={"filename": "moved"}, headers=admin)
    assert moved.status_code == 200
    [third] = (await upload(http, text, THIRD)).json()["data"]
    assert third["version"] == 3
    assert await names(http) == ["/DEV/moved.webp"]
    # Another asset comes to its path, and so has its uuid. The ticket is not for it.
    assert (await http.delete(f"/file/{third['uuid']}", headers=admin)).status_code == 200
    answer = await upload(http, text, SECOND)
    assert (answer.status_code, problem(answer)["message"]) == (403, "The asset of this ticket is gone.")
    await asyncio.sleep(0.002)  # Dates have milliseconds.
    await upload(http, await ticket(http))
    answer = await upload(http, text, SECOND)
    assert (answer.status_code, problem(answer)["message"]) == (403, "The asset of this ticket is gone.")
    assert [entry["version"] for entry in await listed(http)] == [1]


async def test_who_may_not_write_somewhere_makes_no_ticket_for_it(http: httpx.AsyncClient) -> None:
    [entry] = (await upload(http, await ticket(http, namespace="PROD"))).json()["data"]
    assert (await http.post("/tickets", json={"namespace": "DEV"})).status_code == 401
    assert (await asked(http, CMS, namespace="PROD")).status_code == 403
    assert (await asked(http, CMS, uuid=entry["uuid"])).status_code == 403
    assert (await asked(http, namespace="OTHER")).status_code == 403
    assert (await asked(http, uuid="0" * 32)).status_code == 404
    assert (await asked(http, fields={"title": "x" * 4000})).status_code == 400


async def test_without_a_ticket_nothing_is_taken_and_nothing_is_left_in_redis(
    http: httpx.AsyncClient, client: Redis
) -> None:
    made = await ticket(http)
    before = set(await client.keys())
    admin = {"authorization": f"Bearer {ADMIN}"}
    for params in ({}, {"ticket": "x"}, {"ticket": made[:-1]}, {"ticket": "A" * 5000}, {"ticket": f"{made}x"}):
        answer = await http.post("/direct", params=params, files={"file": ("cat.jpg", FIRST)}, headers=admin)
        assert answer.status_code == 403, answer.text
    for query in (f"ticket={made}&ticket={made}", f"ticket={made}&on_conflict=replace", "ticket="):
        assert (await http.post(f"/direct?{query}", files={"file": ("cat.jpg", FIRST)})).status_code == 400
    assert set(await client.keys()) == before
    assert await listed(http) == []


async def test_what_a_form_declares_is_refused_before_it_is_read(http: httpx.AsyncClient) -> None:
    text, read = await ticket(http, max_size=100), 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 65536

    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(10**9)}
    answer = await http.post("/direct", params={"ticket": text}, content=body(), headers=headers)
    assert (answer.status_code, read) == (413, 0)


async def test_pages_of_allowed_origins_may_upload_whatever_else_they_may_do(http: httpx.AsyncClient) -> None:
    for path, origin, status, names_settings in (
        ("/direct", PAGE["origin"], 200, False),
        ("/direct", "https://evil.example.com", 400, False),
        ("/file", PAGE["origin"], 400, True),
        ("/directory", PAGE["origin"], 400, True),
    ):
        answer = await http.options(path, headers={"origin": origin, "access-control-request-method": "POST"})
        assert (answer.status_code, "_ALLOWED" in answer.text) == (status, names_settings), (path, origin)


# The parts, without HTTP


def keyring(*lines: str) -> Keyring:
    return Keyring(lambda: parse_tokens("", "\n".join(lines)))


def line(role: str = "write", namespaces: str = "DEV", token: str = CMS, name: str = "cms") -> str:
    return f"{name}:{role}:{namespaces}:{hashlib.sha256(token.encode()).hexdigest()}"


async def made_by(client: Redis, held: Keyring, *keys: str) -> str:
    tickets = Tickets(TicketRecords(client), held, keys)
    [principal] = held.holders
    text, _ = await tickets.make(principal, asking.read({"namespace": "DEV"}, ALLOWED, None))
    return text


@pytest.mark.parametrize(
    ("lines", "opens"),
    [
        ([line()], True),
        ([line(token="another"), line()], True),
        ([line(role="admin", namespaces="*", name="renamed")], True),
        ([line(role="read")], False),
        ([line(namespaces="PROD")], False),
        ([line(token="another")], False),
    ],
)
async def test_a_ticket_holds_as_long_as_its_maker_may_write_there(
    client: Redis, lines: list[str], opens: bool
) -> None:
    text = await made_by(client, keyring(line()))
    now = Tickets(TicketRecords(client), keyring(*lines), ())
    if not opens:
        with pytest.raises(TicketInvalid):
            await now.open(text)
        return
    permit = await now.open(text)
    assert permit.principal.name in ("ticket of cms", "ticket of renamed")
    assert (permit.principal.role, permit.principal.namespaces) == (Role.WRITE, frozenset({"DEV"}))


async def test_who_has_no_token_that_can_be_revoked_makes_no_ticket(client: Redis) -> None:
    person = Principal("person", Role.ADMIN, None)
    for held in (keyring(line()), Keyring(lambda: Tokens(()))):
        with pytest.raises(Forbidden, match="with a token"):
            await Tickets(TicketRecords(client), held, ()).make(
                person, asking.read({"namespace": "DEV"}, ALLOWED, None)
            )


async def test_what_anybody_made_ends_when_there_are_tokens(client: Redis) -> None:
    nobody = Keyring(lambda: Tokens(()))
    text = await made_by(client, nobody)
    await Tickets(TicketRecords(client), nobody, ()).open(text)
    with pytest.raises(TicketInvalid):
        await Tickets(TicketRecords(client), keyring(line()), ()).open(text)
    settings = CatalogSettings(
        oidc_issuer="https://login.example", oidc_audience="tada", oidc_roles="all=read:*", media_token=""
    )
    logins = People(settings)
    for people, is_open in ((None, True), (logins, False)):
        tickets = Tickets(TicketRecords(client), Gate(nobody, people), ())
        if is_open:
            await tickets.open(text)
        else:
            with pytest.raises(TicketInvalid):
                await tickets.open(text)
    await logins.close()


async def test_a_key_in_redis_is_made_once_and_its_tickets_end_with_it(client: Redis) -> None:
    held = keyring(line())
    first, second = await asyncio.gather(made_by(client, held), made_by(client, held))
    replica = Tickets(TicketRecords(client), held, ())
    await replica.open(first)
    await replica.open(second)
    await client.delete(keys.TICKET_KEY)
    fresh = Tickets(TicketRecords(client), held, ())
    with pytest.raises(TicketInvalid):
        await fresh.open(first)
    assert not await client.exists(keys.TICKET_KEY)
    # The replica that has the old key finds the new one when it gets a ticket of it.
    third = await made_by(client, held)
    replica._kept_at -= 2
    await replica.open(third)
    with pytest.raises(TicketInvalid):
        await replica.open(first)


async def test_several_first_uploads_of_a_page_at_once_find_the_key(client: Redis) -> None:
    held = keyring(line())
    text = await made_by(client, held)
    started = Tickets(TicketRecords(client), held, ())
    await asyncio.gather(*(started.open(text) for _ in range(5)))


async def test_keys_rotate(client: Redis) -> None:
    held, old, new = keyring(line()), "o" * 32, "n" * 32
    text = await made_by(client, held, old)
    await Tickets(TicketRecords(client), held, (new, old)).open(text)
    for others in ((new,), ()):
        with pytest.raises(TicketInvalid):
            await Tickets(TicketRecords(client), held, others).open(text)


async def test_a_ticket_ends_to_the_second_but_not_what_has_begun_with_it(client: Redis) -> None:
    held, now = keyring(line()), 1_800_000_000.0
    tickets = Tickets(TicketRecords(client), held, (), lambda: now)
    text, made = await tickets.make(held.holders[0], asking.read({"namespace": "DEV"}, ALLOWED, None))
    now = made.ends - 0.001
    await tickets.open(text)
    now = float(made.ends)
    with pytest.raises(TicketEnded):
        await tickets.open(text)
    await tickets.open(text, begun=True)


async def test_the_record_of_uses_is_there_as_long_as_any_upload_may_need_it(client: Redis) -> None:
    held = keyring(line())
    tickets = Tickets(TicketRecords(client), held, ())
    text, made = await tickets.make(held.holders[0], asking.read({"namespace": "DEV", "uses": 2}, ALLOWED, None))
    permit = await tickets.open(text)
    await client.set("alive", 1)
    await tickets.take(permit, "resumable", alive="alive", lasts=7200)
    await tickets.take(permit, "direct", alive="alive", lasts=60)
    assert await client.expiretime(keys.ticket(made.id)) == made.ends + 7200


async def test_the_use_of_a_dead_upload_is_free_until_it_is_counted_and_the_dead_one_has_lost_it(
    client: Redis,
) -> None:
    held = keyring(line())
    tickets = Tickets(TicketRecords(client), held, ())
    permit = await tickets.open(await made_by(client, held))
    await client.set("alive-1", 1)
    await client.set("alive-2", 1)
    await tickets.take(permit, "first", alive="alive-1", lasts=60)
    await tickets.take(permit, "first", alive="alive-1", lasts=60)  # Sent twice.
    with pytest.raises(TicketUsed):
        await tickets.take(permit, "second", alive="alive-2", lasts=60)
    await client.delete("alive-1")
    await tickets.take(permit, "second", alive="alive-2", lasts=60)
    with pytest.raises(TicketUsed):
        await tickets.count(permit, "first")
    await tickets.count(permit, "second")
    await tickets.count(permit, "second")
    await client.delete("alive-2")
    with pytest.raises(TicketUsed):
        await tickets.take(permit, "third", alive="alive-2", lasts=60)
