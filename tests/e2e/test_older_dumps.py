"""A running system that gets a dump of the older service, with its files: clients and the public go on as before."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from services.core.assets import media_types
from tests.processes.system import System
from tests.support.older_service import OlderDump, OlderFile, not_understood, picture
from tests.support.pixels import decode
from tests.support.waits import wait_until

PUBLIC_URL = "https://media.example.com"
DUMP = "dump_20250812T143052.json"
NEW = {"JPEG": picture("JPEG", 80), "PNG": picture("PNG", 80), "WEBP": picture("WEBP", 80)}


def put(system: System, older: OlderDump) -> None:
    """Put a dump and its files where the storage of a system has them."""
    contents = {f"dumps/{DUMP}": older.json, **{file.key: file.stored for file in older.files}}
    for key, content in contents.items():
        path = system.stack.data / "storage" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def spellings(uuid: str) -> list[str]:
    digits = uuid.replace("-", "")
    dashes = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return [uuid, digits.lower(), dashes.lower(), dashes.upper()]


def one_slash(text: str) -> str:
    """Return an address without the doubled slashes that the older service had in some paths."""
    return re.sub("(?<!:)/+", "/", text)


def check_public(system: System, file: OlderFile) -> None:
    """What the public has an address of is delivered there as before: the same bytes, with their type."""
    said = urlsplit(file.entry["public_url"]).path
    for path in {said, one_slash(said)}:
        answer = system.edge.get(path)
        if str(file.entry["expired"]) in ("True", "true"):
            assert answer.status_code == 404, path
            continue
        assert (answer.status_code, answer.headers["content-type"]) == (200, file.entry["mimetype"]), path
        assert answer.content == file.stored, path
        original = system.edge.get(one_slash(path).replace("/full/", "/original/"), follow_redirects=True)
        assert (original.status_code, original.content) == (200, file.stored), path


def check_original(system: System, file: OlderFile) -> None:
    """Under the name of the upload are the bytes that the older service has kept, with the type that they have."""
    base = one_slash(urlsplit(file.entry["public_url"]).path).replace("/full/", "/original/").rpartition(".")[0]
    answer = system.edge.get(f"{base}.{file.entry['original_filename'].rpartition('.')[2]}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, file.entry["mimetype"])
    assert answer.content == file.stored


def check_spellings(system: System, file: OlderFile) -> None:
    """Every route finds the entry by its uuid in any spelling, and shows the spelling that clients have stored."""
    uuid = file.entry["uuid"]
    for spelled in spellings(uuid):
        for answer in (
            system.api.get(f"/catalog/{spelled}"),
            system.edge.get(f"/catalog/{spelled}"),
            system.api.patch(f"/catalog/{spelled}", json={"information": spelled}),
            system.api.patch(f"/file/{spelled}", json={"external_id": "7"}),
        ):
            assert answer.status_code == 200, answer.text
            assert answer.json()["data"][0]["uuid"] == uuid
    whole = system.api.patch(f"/catalog/{uuid}", json={**file.entry, "information": "sent back"})
    assert (whole.status_code, whole.json()["data"][0]["information"]) == (200, "sent back"), whole.text


def check_replaceable(system: System, file: OlderFile) -> None:
    """A picture that was converted takes any kind of picture, and keeps its uuid and its address."""
    before = system.api.get(f"/catalog/{file.entry['uuid']}").json()["data"][0]
    for kind, content in NEW.items():
        entry = system.replace(file.entry["uuid"], f"new.{kind.lower()}", content)
        kept = ("uuid", "unique_name", "public_url", "mimetype", "destination")
        assert {name: entry[name] for name in kept} == {name: before[name] for name in kept}
        if not entry["expired"]:
            path = urlsplit(entry["public_url"]).path
            shown = system.edge.get(path)
            assert (shown.headers["content-type"], decode(shown.content).size) == ("image/webp", (80, 48))
            original = system.edge.get(path.replace("/full/", "/original/"), follow_redirects=True)
            assert (original.headers["content-type"], original.content) == (f"image/{kind.lower()}", content)


def test_a_dump_with_every_oddity_is_restored_whole_and_all_go_on_as_before(
    make_system: Callable[..., System],
) -> None:
    types = ",".join(media_types.KNOWN)
    system, older = make_system(PUBLIC_URL=PUBLIC_URL, VALID_MIMETYPES=types), OlderDump()
    put(system, older)
    said = system.api.post("/catalog/restore-dump?dry_run=true")
    assert (said.status_code, said.json()["details"]["itemsRestored"]) == (200, len(older.files)), said.text
    assert system.api.get("/catalog").json() == []
    done = system.api.post("/catalog/restore-dump")
    assert done.json() == {
        "message": "Successfully restored catalog from JSON dump",
        "details": {"filename": DUMP, "itemsRestored": len(older.files), "format": "JSON", "source": "local"},
    }
    shown = {entry["uuid"]: entry for entry in system.api.get("/catalog").json()}
    for file in older.files:
        entry = shown[file.entry["uuid"]]
        assert entry["public_url"] == one_slash(file.entry["public_url"])
        assert entry["original_filename"] == file.entry["original_filename"]
        assert (entry["version"], entry["expired"]) == (
            int(file.entry["version"]),
            file.entry["expired"] in (True, "true"),
        )
        check_public(system, file)
        check_spellings(system, file)
    check_original(system, next(file for file in older.files if "Photo" in file.entry["unique_name"]))
    for file in older.files:
        check_public(system, file)
        answer = system.api.delete(f"/catalog/{file.entry['uuid']}")
        assert (answer.status_code, answer.json()["data"][0]["uuid"]) == (200, file.entry["uuid"])
        answer = system.api.post("/catalog", json=file.entry)
        assert answer.status_code == 201, answer.text
        assert answer.json()["data"][0]["uuid"] == file.entry["uuid"]
        check_public(system, file)
        if file.entry["mimetype"] == "image/webp":
            check_replaceable(system, file)
        answer = system.api.delete(f"/file/{spellings(file.entry['uuid'])[-1]}")
        assert (answer.status_code, answer.json()["data"][0]["uuid"]) == (200, file.entry["uuid"])
        assert system.edge.get(one_slash(urlsplit(file.entry["public_url"]).path)).status_code == 404
    assert system.api.get("/catalog").json() == []
    assert system.stored_files().keys() == {f"dumps/{DUMP}"}


@pytest.fixture
def mixed() -> OlderDump:
    return OlderDump(bad=not_understood())


def test_what_is_not_understood_is_named_and_left_out_only_if_asked(
    make_system: Callable[..., System], mixed: OlderDump
) -> None:
    system = make_system()
    put(system, mixed)
    for query in ("", "?dry_run=true"):
        refused = system.api.post(f"/catalog/restore-dump{query}")
        assert (refused.status_code, refused.json()["error"]) == (422, "Dump cannot be restored")
        assert all(bad["unique_name"] in refused.json()["details"] for bad in mixed.bad)
        assert "skip_invalid=true" in refused.json()["suggestion"]
        assert system.api.get("/catalog").json() == []
    bad_paths = [bad["unique_name"] for bad in mixed.bad]
    for query, found in (("&dry_run=true", 0), ("", len(mixed.files))):
        answer = system.api.post(f"/catalog/restore-dump?skip_invalid=true{query}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["details"]["itemsRestored"] == len(mixed.files)
        assert [one["unique_name"] for one in answer.json()["skipped"]] == bad_paths
        assert len(system.api.get("/catalog").json()) == found


def test_an_empty_redis_gets_what_is_understood_if_that_is_the_setting(
    make_system: Callable[..., System], mixed: OlderDump
) -> None:
    system = make_system(start=False, RESTORE_ON_INIT="true", RESTORE_SKIP_INVALID="true")
    put(system, mixed)
    system.start()
    wait_until(lambda: '"restored_on_init"' in system.log("jobs"), within=30)
    assert len(system.api.get("/catalog").json()) == len(mixed.files)
    said = [line for line in system.log("jobs").splitlines() if '"restore_on_init_left_out"' in line]
    assert all(bad["unique_name"] in line for bad, line in zip(mixed.bad, said, strict=True))
