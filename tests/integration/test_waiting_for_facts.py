"""Uploads whose answers wait for facts: the catalog service on a real Redis, and a worker as a process."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.catalog.settings import CatalogSettings
from services.catalog.uploads import described
from services.core.assets.facts import FACTS
from services.core.state import cancellation
from services.core.state.connection import Redis
from tests.processes.jobs_worker import JobsWorker
from tests.processes.redis_server import RedisServer
from tests.support.pdfs import pdf
from tests.support.pictures import RED, encoded, marked
from tests.support.problems import problem, problems
from tests.support.service import running
from tests.support.waits import eventually, wait_until

WIDE, TALL = (encoded(marked(size, RED), "JPEG") for size in ((96, 48), (48, 96)))
UNKNOWN = dict.fromkeys(FACTS)
SHORT_SECONDS = 0.3


@pytest.fixture
async def http(tmp_path: Path, server: RedisServer, client: Redis) -> AsyncIterator[httpx.AsyncClient]:
    settings = CatalogSettings(
        redis_url=server.url, data_folder_path=tmp_path, namespaces_allowed=("DEV",), purge_wait_seconds=0
    )
    async with running(settings, client) as made:
        yield made


@pytest.fixture
def worker(tmp_path: Path, server: RedisServer, http: httpx.AsyncClient) -> Iterator[None]:
    """A worker that has begun its work, beside a service that has made the storage."""
    made = JobsWorker(server, tmp_path)
    try:
        wait_until(made.is_healthy)
        yield
    finally:
        made.stop()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(described, "WAIT_SECONDS", SHORT_SECONDS)


async def upload(http: httpx.AsyncClient, name: str, content: bytes, **said: str) -> httpx.Response:
    return await http.post("/file", params=said, files={"file": (name, content)}, data={"namespace": "DEV"})


def entry_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert problems(answer) == []
    [found] = answer.json()["data"]
    return dict(found)


def facts_of(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in FACTS}


def warned(answer: httpx.Response) -> bool:
    """Say whether an answer tells that facts are missing."""
    return any("facts" in text for text in answer.json().get("warnings", []))


@pytest.mark.usefixtures("worker")
async def test_the_answer_has_the_facts_that_the_entry_has(http: httpx.AsyncClient) -> None:
    answer = await upload(http, "cat.jpg", WIDE, wait="facts")
    entry = entry_of(answer)
    assert (entry["width"], entry["height"]) == (96, 48)
    assert len(entry["blurhash"]) == 28
    assert not warned(answer)
    assert (await http.get("/catalog")).json() == [entry]


@pytest.mark.usefixtures("worker")
async def test_a_form_waits_for_the_facts_of_all_of_its_files(http: httpx.AsyncClient) -> None:
    parts = [("files", (f"{name}.jpg", content)) for name, content in (("wide", WIDE), ("tall", TALL))]
    answer = await http.post("/files", params={"wait": "facts"}, files=parts, data={"namespace": "DEV"})
    assert [(one["width"], one["height"]) for one in answer.json()["data"]] == [(96, 48), (48, 96)]


@pytest.mark.usefixtures("worker")
async def test_a_replacement_waits_for_its_own_facts(http: httpx.AsyncClient) -> None:
    await upload(http, "cat.jpg", WIDE, wait="facts")
    entry = entry_of(await upload(http, "cat.jpg", TALL, wait="facts", on_conflict="replace"))
    assert (entry["version"], entry["width"], entry["height"]) == (2, 48, 96)


@pytest.mark.usefixtures("short")
async def test_without_a_worker_the_answer_comes_after_a_while_and_says_so(http: httpx.AsyncClient) -> None:
    started = time.monotonic()
    answer = await upload(http, "cat.jpg", WIDE, wait="facts")
    assert time.monotonic() - started >= SHORT_SECONDS
    assert facts_of(entry_of(answer)) == UNKNOWN
    assert warned(answer)


async def test_what_was_written_is_logged_before_the_wait(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def is_logged() -> bool:
        return "written" in caplog.messages

    caplog.set_level("INFO")
    waiting = asyncio.create_task(upload(http, "cat.jpg", WIDE, wait="facts"))
    await eventually(is_logged)
    assert not waiting.done()
    await cancellation.end([waiting])


async def test_nobody_waits_for_the_facts_of_a_pdf_or_without_a_wish(http: httpx.AsyncClient) -> None:
    started = time.monotonic()
    for answer in (await upload(http, "cat.pdf", pdf(), wait="facts"), await upload(http, "cat.jpg", WIDE)):
        assert facts_of(entry_of(answer)) == UNKNOWN
        assert not warned(answer)
    assert time.monotonic() - started < described.WAIT_SECONDS


@pytest.mark.parametrize("path", ["/file", "/files"])
async def test_there_is_nothing_else_to_wait_for(http: httpx.AsyncClient, path: str) -> None:
    files = {path.removeprefix("/"): ("cat.jpg", WIDE)}
    answer = await http.post(path, params={"wait": "purge"}, files=files, data={"namespace": "DEV"})
    assert answer.status_code == 400
    assert "wait must be facts" in problem(answer)["message"]
    assert (await http.get("/catalog")).json() == []
