"""Moved assets on a whole system: where an asset was, both tiers lead to where it is, until somebody takes the path."""

from typing import Any

import httpx
import pytest

from services.core.assets import identity
from tests.processes.system import System
from tests.support.problems import problem
from tests.support.waits import wait_until

OLD_FORMS = (
    *("original{stem}.jpg", "original{stem}.webp", "full{stem}.webp", "full{stem}.jpg"),
    "optimise/200x0{stem}.webp",
)


@pytest.fixture(params=["edge", "api"])
def tier(system: System, request: pytest.FixtureRequest) -> httpx.Client:
    """The public entry, and the internal one with the cache tier behind it."""
    found: httpx.Client = getattr(system, request.param)
    return found


def moved(system: System, entry: dict[str, Any], **place: str) -> dict[str, Any]:
    answer = system.api.patch(f"/file/{entry['uuid']}", json=place)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-purge"] == "done"
    [found] = answer.json()["data"]
    return dict(found)


def full(client: httpx.Client, path: str) -> tuple[int, str]:
    """Return the status of `full` of a path, and where it leads."""
    answer = client.get(f"/assets/media/full{path}")
    return answer.status_code, answer.headers.get("location", "")


def address(entry: dict[str, Any]) -> str:
    return f"/assets/media/full{entry['unique_name']}"


def stem(entry: dict[str, Any]) -> str:
    return str(entry["unique_name"]).removesuffix(".webp")


def test_every_form_leads_from_the_old_address_to_the_new_one(
    system: System, tier: httpx.Client, photos: dict[str, bytes], name: str
) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"])
    forms = [f"/assets/media/{form.format(stem=stem(before))}" for form in OLD_FORMS]
    for form in forms:
        assert tier.get(form).status_code in (200, 302)
    after = moved(system, before, destination="archive", filename=f"{name}-new")
    for _ in range(2):  # The second time, out of the cache.
        for form in forms:
            answer = tier.get(form)
            assert answer.status_code == 301, form
            there = answer.headers["location"]
            assert stem(after) + ".webp" in there
            assert tier.get(there, follow_redirects=True).status_code == 200
    assert tier.get(f"/assets/media/original{stem(after)}.jpg").content == photos["china.jpg"]


def test_the_query_and_the_negotiated_form_stay(
    system: System, tier: httpx.Client, photos: dict[str, bytes], name: str
) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"])
    after = moved(system, before, destination="archive")
    for query in ("?width=120&x=%20y", "?x=1&quality=070", "?height=080&utm_source=a"):
        for accept in ("image/avif,*/*", "image/webp", "*/*"):
            answer = tier.get(f"/assets/media/full{before['unique_name']}{query}", headers={"accept": accept})
            assert (answer.status_code, answer.headers["location"]) == (301, f"{address(after)}{query}")
    head = tier.head(address(before))
    assert (head.status_code, head.headers["location"]) == (301, address(after))


def test_both_tiers_keep_it_as_long_as_a_redirect(system: System, photos: dict[str, bytes], name: str) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"])
    moved(system, before, destination="archive")
    first, second = (system.edge.get(address(before)) for _ in range(2))
    assert (first.headers["x-cache-status"], second.headers["x-cache-status"]) == ("MISS", "HIT")
    assert "max-age=60" in second.headers["cache-control"]


def test_a_new_upload_takes_the_old_address_at_once(
    system: System, tier: httpx.Client, photos: dict[str, bytes], name: str
) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"])
    after = moved(system, before, destination="archive")
    assert full(tier, before["unique_name"]) == (301, address(after))
    system.upload(f"{name}.jpg", photos["flower.jpg"])
    assert full(tier, before["unique_name"])[0] == 200
    assert tier.get(f"/assets/media/original{stem(before)}.jpg").content == photos["flower.jpg"]
    assert tier.get(f"/assets/media/original{stem(after)}.jpg").content == photos["china.jpg"]
    system.api.delete(f"/file/{before['uuid']}")
    assert full(tier, before["unique_name"])[0] == 404


def test_a_chain_of_moves_leads_to_its_end_in_one_step_and_never_round(
    system: System, tier: httpx.Client, photos: dict[str, bytes], name: str
) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"], destination="a")
    been = [entry]
    for folder in ("b", "c", "a", "c"):
        here = moved(system, entry, destination=folder)
        been.append(here)
        for other in been:
            expected = (200, "") if other["unique_name"] == here["unique_name"] else (301, address(here))
            assert full(tier, other["unique_name"]) == expected, (folder, other["unique_name"])


def test_where_a_deleted_asset_was_there_is_nothing_in_both_tiers_at_once(
    system: System, tier: httpx.Client, photos: dict[str, bytes], name: str
) -> None:
    first = system.upload(f"{name}.jpg", photos["china.jpg"], destination="a")
    second = moved(system, first, destination="b")
    third = moved(system, first, destination="c")
    for entry in (first, second, third):
        assert full(tier, entry["unique_name"])[0] in (200, 301)
    answer = system.api.delete(f"/file/{third['uuid']}")
    assert answer.headers["x-purge"] == "done"
    for entry in (first, second, third):
        assert full(tier, entry["unique_name"])[0] == 404
        assert system.api.get(f"/catalog/{entry['uuid']}").status_code == 404


def test_a_replaced_file_is_reached_from_the_old_address_by_its_new_name(
    system: System, tier: httpx.Client, photos: dict[str, bytes], name: str
) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"])
    after = moved(system, before, destination="archive")
    old = f"/assets/media/original{before['unique_name']}"

    def leads_to() -> str:
        return tier.get(old, follow_redirects=True).url.path

    assert leads_to() == f"/assets/media/original{stem(after)}.jpg"
    files = {"file": ("x.png", photos["coffee.png"])}
    assert system.api.patch(f"/file/{after['uuid']}", files=files).status_code == 200
    assert leads_to() == f"/assets/media/original{stem(after)}.png"
    assert tier.get(f"/assets/media/original{stem(before)}.jpg").status_code == 404


def test_an_old_address_leads_to_no_neighbour_of_the_moved_asset(
    system: System, tier: httpx.Client, photos: dict[str, bytes], name: str
) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"])
    after = moved(system, before, destination="archive")
    system.upload(f"{name}.jpg", photos["flower.jpg"], destination="archive", toWebp="false")
    old = tier.get(f"/assets/media/original{stem(before)}.jpg", follow_redirects=True)
    assert old.content == photos["china.jpg"]
    assert tier.get(f"/assets/media/original{stem(after)}.jpg").content == photos["flower.jpg"]


def test_an_expired_asset_is_a_placeholder_at_its_old_address_too(
    system: System, tier: httpx.Client, photos: dict[str, bytes], name: str
) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"])
    after = moved(system, before, destination="archive")
    assert full(tier, before["unique_name"])[0] == 301
    assert system.api.patch(f"/file/{after['uuid']}", json={"expired": True}).status_code == 200
    answer = tier.get(address(before))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "image/svg+xml")


def test_the_page_of_an_old_uuid_is_that_of_the_asset_and_kept_by_no_tier(
    system: System, photos: dict[str, bytes], name: str
) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"])
    assert system.edge.get(f"/catalog/{before['uuid']}").status_code == 200
    after = moved(system, before, destination="archive")
    for uuid in (before["uuid"], identity.entry_key(before["unique_name"])):
        for alt in ("one", "two"):
            assert system.api.patch(f"/catalog/{after['uuid']}", json={"alt": alt}).headers["x-purge"] == "done"
            [shown] = system.edge.get(f"/catalog/{uuid}").json()["data"]
            assert (shown["uuid"], shown["alt"]) == (after["uuid"], alt)
    other = system.upload(f"{name}.jpg", photos["flower.jpg"])
    [shown] = system.edge.get(f"/catalog/{before['uuid']}").json()["data"]
    assert shown["signature"] == other["signature"]


def test_a_moved_asset_is_found_at_its_new_path_only(system: System, photos: dict[str, bytes], name: str) -> None:
    before = system.upload(f"{name}.jpg", photos["china.jpg"], destination=f"from-{name}")
    after = moved(system, before, destination=f"to-{name}")

    def found(**query: str) -> list[str]:
        answer = system.api.get("/catalog/search", params=query)
        assert answer.status_code == 200, answer.text
        return [one["unique_name"] for one in answer.json()["data"]]

    def is_at(folder: str, *paths: str) -> bool:
        return found(folder=f"/DEV/{folder}-{name}") == [*paths]

    wait_until(lambda: is_at("to", after["unique_name"]) and is_at("from"))
    assert found(q=name) == [after["unique_name"]]


def test_the_public_moves_nothing(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    answer = system.edge.patch(f"/file/{entry['uuid']}", json={"destination": "archive"})
    assert answer.status_code in (404, 405)
    assert full(system.edge, entry["unique_name"])[0] == 200


def test_a_taken_path_is_told_with_the_uuid_of_its_asset(system: System, photos: dict[str, bytes], name: str) -> None:
    one, other = (system.upload(f"{name}-{at}.jpg", photos["china.jpg"]) for at in "ab")
    answer = system.api.patch(f"/file/{one['uuid']}", json={"filename": f"{name}-b"})
    assert answer.status_code == 400
    assert (problem(answer)["code"], problem(answer)["uuid"]) == ("already_exists", other["uuid"])
