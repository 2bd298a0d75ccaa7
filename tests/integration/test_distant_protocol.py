"""docs/distant-backend.openapi.yaml against the reference backend, and against what TADA sends: neither may drift."""

import dataclasses
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.core.failures import Failure

from services.core.assets.addresses import ADDRESSES
from services.core.assets.entries import Entry
from services.core.assets.facts import FACTS
from services.core.dumps.distant import DistantDumps
from services.core.spool import prepare
from services.core.storage import NewObject, ObjectMissing, Receipt
from services.core.storage.distant.storage import DistantStorage
from services.core.storage.settings import StorageSettings
from tests.processes.distant_backend import TOKEN, Asked, Backend, Exchange, recorded, settings_for
from tests.support.catalogs import an_entry, many
from tests.support.objects import listed, new, put, streamed
from tests.support.openapi_document import Described
from tests.support.schema_faults import faults_of
from tools.stack.plan import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs/distant-backend.openapi.yaml").read_text())
PAGE = (ROOT / "docs/distant-backend.md").read_text()
DESCRIBED = Described(DOCUMENT)
CONFIG: dict[str, Any] = {
    "seed": 1,
    "continue-on-failure": True,
    "auth": {"openapi": {"token": {"bearer": TOKEN}}},
    "generation": {"max-examples": 15, "database": "none", "no-shrink": True},
    "analysis": {"constants": {"enabled": False}},
    # A backend need not refuse what TADA never sends.
    "checks": {"negative_data_rejection": {"enabled": False}},
}
SAID_IN_WORDS = {"createFiles", "replaceFiles", "saveDump"}
"""Operations with rules that no schema can say: as many fields as files, and what files are called."""


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    made = Backend(tmp_path_factory.mktemp("backend"))
    made.start()
    yield made
    made.stop()


def test_the_document_is_one_of_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_the_reference_backend_is_as_described(backend: Backend) -> None:
    config = schemathesis.Config.from_dict(CONFIG)
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=config)
    schema.config.update(base_url=backend.url)

    @schema.hook
    def filter_failure(
        context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case, response: schemathesis.Response
    ) -> bool:
        by_words = case.operation.definition.raw.get("operationId") in SAID_IN_WORDS
        return not (by_words and type(failure).__name__ == "RejectedPositiveData" and response.status_code == 400)

    faults = faults_of(schema)
    assert not faults, "\n".join(faults)


# What TADA sends


@dataclasses.dataclass
class Tada:
    """The client side, whose every request is written down."""

    settings: StorageSettings
    storage: DistantStorage
    dumps: DistantDumps
    exchanges: list[Exchange]

    def last(self) -> Asked:
        return self.exchanges[-1].asked


@pytest.fixture
async def tada(tmp_path: Path) -> AsyncIterator[Tada]:
    backend = Backend(tmp_path / "backend")
    backend.start()
    try:
        async with recorded(backend.port) as (url, exchanges):
            settings = settings_for(url, tmp_path / "tada")
            storage, dumps = DistantStorage(settings), DistantDumps(settings)
            prepare(storage.spool)
            await storage.open()
            await dumps.open()
            yield Tada(settings, storage, dumps, exchanges)
            await dumps.close()
            await storage.close()
    finally:
        backend.stop()


def plain(base: str, **changes: Any) -> Entry:
    """Return the entry of a WebP, which is delivered as it was uploaded."""
    entry = an_entry(base, **changes)
    name = entry.filename
    return replace(entry, original_filename=name, original_mimetype="image/webp", converted=False)


def following(entry: Entry, **changes: Any) -> Entry:
    return replace(entry, version=entry.version + 1, **changes)


def of(storage: DistantStorage, entry: Entry, content: bytes) -> NewObject:
    return new(storage, entry.stored, content)


def a_dump(folder: Path, stamp: str = "20250812T143052") -> tuple[Path, Path]:
    rdb, catalog = folder / f"dump_{stamp}.rdb", folder / f"dump_{stamp}.json"
    rdb.write_bytes(b"REDIS0011")
    catalog.write_bytes(b"[]")
    return rdb, catalog


async def test_what_tada_sends_and_gets_is_as_described(tada: Tada, tmp_path: Path) -> None:
    """Everything that the client can send, once."""
    storage, dumps = tada.storage, tada.dumps
    full: dict[str, Any] = {
        "external_id": "7",
        "expired": True,
        "expiration_date": "2099-01-31T17:00:00+00:00",
        "information": "é\n",
    }
    cat, dog = an_entry("cat", **full), plain("dog", **full)
    await storage.ready()
    with pytest.raises(ObjectMissing):
        await storage.read(cat.stored)
    for entry in (cat, dog):
        await put(storage, entry.stored, b"meow" * 1000)
        await put(storage, following(entry).stored, b"meow" * 2000, replaces=True)
        assert await streamed(storage, entry.stored) == b"meow" * 1000
        assert await storage.size(following(entry).stored) == 8000
        assert await streamed(storage, entry.stored, 10, 20) == (b"meow" * 1000)[10:30]
        assert await streamed(storage, entry.stored, 5000) == b""
    photos = [*many(11), plain("fox"), plain("owl")]
    assert all(isinstance(one, Receipt) for one in await storage.put([of(storage, one, b"1") for one in photos]))
    later = [following(one) for one in photos]
    outcomes = await storage.replace([of(storage, one, b"22") for one in later])
    assert outcomes == [Receipt(one.version) for one in later]
    shared = [following(one, **full) for one in later[-2:]]
    await storage.replace([of(storage, one, b"333") for one in shared])
    assert len(await listed(storage)) == len(photos) + 2
    await storage.delete([cat.stored])
    await storage.delete([one.stored for one in photos])
    with pytest.raises(ObjectMissing):
        await storage.read(cat.stored)

    with pytest.raises(ObjectMissing):
        await dumps.fetch_latest("json", tmp_path / "none")
    rdb, catalog = a_dump(tmp_path)
    await dumps.save(rdb, catalog)
    for path in (rdb, catalog):
        await dumps.fetch(path.name, tmp_path / "fetched")
    assert await dumps.fetch_latest("json", tmp_path / "fetched") == catalog.name
    assert await dumps.fetch_latest("rdb", tmp_path / "fetched") == rdb.name

    faults = [fault for exchange in tada.exchanges for fault in DESCRIBED.faults(exchange)]
    assert not faults, "\n".join(faults)
    assert {DESCRIBED.named(exchange.asked) for exchange in tada.exchanges} == DESCRIBED.operations.keys()
    sent = {name for exchange in tada.exchanges for name in exchange.asked.query}
    known = {
        one["name"] for op in DESCRIBED.operations.values() for one in op.get("parameters", []) if one["in"] == "query"
    }
    assert sent == known, "a parameter that the document has is never sent"


async def test_a_dump_with_a_name_of_its_own_is_not_the_latest(tada: Tada, tmp_path: Path) -> None:
    rdb, catalog = a_dump(tmp_path)
    await tada.dumps.save(rdb, catalog)
    await tada.dumps.save(*a_dump(tmp_path, "weekly"))
    assert await tada.dumps.fetch_latest("json", tmp_path / "fetched") == catalog.name
    assert await tada.dumps.fetch_latest("rdb", tmp_path / "fetched") == rdb.name


async def test_a_read_that_goes_on_is_as_described(tada: Tada) -> None:
    cat = an_entry()
    await put(tada.storage, cat.stored, b"meow")
    reading = tada.storage._reader(cat.stored)
    for start in (0, 2):
        assert b"".join([chunk async for chunk in reading.open_at(start, None)]) == b"meow"[start:]
    asked = tada.last()
    assert asked.headers["range"] == "bytes=2-"
    assert asked.headers["if-range"] == tada.exchanges[-2].answer_headers["etag"]
    assert [fault for exchange in tada.exchanges for fault in DESCRIBED.faults(exchange)] == []


def test_the_document_has_the_fields_of_an_entry() -> None:
    fields = {field.name for field in dataclasses.fields(Entry)} - {*FACTS, "more"} | set(ADDRESSES)
    assert DOCUMENT["components"]["schemas"]["Entry"]["properties"].keys() == fields


def test_the_page_has_every_route_and_names_the_settings_of_their_paths() -> None:
    shown = set(re.findall(r"^\| `([A-Z]+) (/[^` ]+)` \|", PAGE, re.MULTILINE))
    assert shown == DESCRIBED.operations.keys()
    defaults = {
        name.upper(): field.default
        for name, field in StorageSettings.model_fields.items()
        if isinstance(field.default, str) and field.default.startswith("/")
    }
    rows = re.findall(r"^\| `[A-Z]+ (/[^` ]+)` \|.*?\| `([A-Z_]+)` \|", PAGE, re.MULTILINE)
    assert {setting: path.removesuffix("/{filename}") for path, setting in rows} == defaults
