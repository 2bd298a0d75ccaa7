"""The public addresses of assets: they are of the settings, whatever is stored."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.core.assets.addresses import ADDRESSES, Addresses
from services.core.assets.entries import IF_KNOWN
from services.core.assets.fingerprint import fingerprint
from services.core.state import entry_json
from tests.support.entries import MakeEntry, made_entry

HERE = Addresses("https://media.example.com/prefix/assets/media")


def filled(raw: bytes, addresses: Addresses = HERE) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(addresses.fill(raw))
    return found


def test_an_entry_is_shown_with_the_addresses_of_the_settings(make_entry: MakeEntry) -> None:
    shown = entry_json.shown(make_entry("cat.jpg", destination="shop"), HERE)
    assert shown["public_url"] == "https://media.example.com/prefix/assets/media/full/DEV/shop/cat.webp"
    assert shown["base_url"] == "https://media.example.com/prefix/assets/media"
    assert shown["base_host"] == "media.example.com"


def test_the_versioned_address_says_what_the_asset_contains(make_entry: MakeEntry) -> None:
    entry = make_entry("cat.jpg", signature="0123456789ab" + "c" * 52)
    shown = entry_json.shown(entry, HERE)
    assert shown["versioned_url"] == f"{shown['public_url']}?v=0123456789ab"
    pointed = entry_json.shown(replace(entry, focus_x=0.25, focus_y=1.0), HERE)
    assert pointed["versioned_url"] == f"{shown['public_url']}?v=0123456789ab-0.25-1"
    assert pointed["versioned_url"].rpartition("=")[2] == fingerprint(entry.signature, 0.25, 1.0)


def test_several_entries_in_one_text_have_each_its_own_version(make_entry: MakeEntry) -> None:
    entries = [
        make_entry("a.jpg", signature="a" * 64),
        replace(make_entry("b.pdf", "application/pdf", signature="b" * 64), focus_x=0.5, focus_y=0.25),
        replace(make_entry("c.jpg", signature="c" * 64), meta={"uuid": "x", "signature": "d" * 64, "focus_x": 1}),
    ]
    raw = b"[" + b",".join(map(entry_json.write, entries)) + b"]"
    assert [entry["versioned_url"] for entry in orjson.loads(HERE.fill(raw))] == [
        f"{HERE.assets_url}/full/DEV/a.webp?v=aaaaaaaaaaaa",
        f"{HERE.assets_url}/original/DEV/b.pdf?v=bbbbbbbbbbbb-0.5-0.25",
        f"{HERE.assets_url}/full/DEV/c.webp?v=cccccccccccc",
    ]


def test_without_a_public_url_the_addresses_are_host_relative(make_entry: MakeEntry) -> None:
    shown = entry_json.shown(make_entry(), Addresses("/prefix/assets/media"))
    assert shown["public_url"] == "/prefix/assets/media/full/DEV/cat.webp"
    assert shown["base_url"] == "/prefix/assets/media"
    assert shown["base_host"] == ""


def test_a_letter_outside_ascii_is_written_as_in_the_rest_of_the_entry(make_entry: MakeEntry) -> None:
    here = Addresses("https://médias.example.com/assets/media")
    entry = make_entry()
    shown = here.fill(entry_json.write(entry))
    assert orjson.dumps(orjson.loads(shown)) == shown
    assert orjson.loads(shown).items() >= here.of(entry.unique_name).items()


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("a.pdf", "application/pdf", "original"),
        ("a.svg", "image/svg+xml", "original"),
        ("a.gif", "image/gif", "original"),
        ("a.png", "image/png", "full"),
        ("a.jpg", "image/jpeg", "full"),
        ("a.webp", "image/webp", "full"),
    ],
)
def test_what_is_delivered_as_it_is_stored_is_public_under_original(
    make_entry: MakeEntry, name: str, media_type: str, kind: str
) -> None:
    entry = make_entry(name, media_type, convert=False)
    assert entry_json.shown(entry, HERE)["public_url"] == f"{HERE.assets_url}/{kind}/DEV/{name}"
    assert HERE.of(entry.unique_name)["public_url"] == f"{HERE.assets_url}/{kind}/DEV/{name}"


def test_a_gif_that_is_delivered_as_webp_is_public_under_full(make_entry: MakeEntry) -> None:
    shown = entry_json.shown(make_entry("a.gif", "image/gif", convert=True), HERE)
    assert shown["public_url"] == f"{HERE.assets_url}/full/DEV/a.webp"


def test_nothing_of_the_settings_is_stored(make_entry: MakeEntry) -> None:
    raw = entry_json.write(make_entry())
    assert {name: orjson.loads(raw)[name] for name in ADDRESSES} == dict.fromkeys(ADDRESSES, "")


@pytest.mark.parametrize("before", ["https://old.example.com/assets/media/full/DEV/cat.webp", 'x"y\\', "", "/full/é"])
def test_what_the_previous_version_has_stored_is_replaced(make_entry: MakeEntry, before: str) -> None:
    entry = make_entry()
    stored = orjson.dumps({**orjson.loads(entry_json.write(entry)), **dict.fromkeys(ADDRESSES, before)})
    assert filled(stored) == entry_json.shown(entry, HERE)
    assert entry_json.read(stored) == entry


def test_addresses_can_be_replaced_again_and_again(make_entry: MakeEntry) -> None:
    raw = entry_json.write(make_entry())
    once = HERE.fill(Addresses("/elsewhere").fill(raw))
    assert once == HERE.fill(once) == HERE.fill(raw)


def test_several_entries_in_one_text_get_each_its_own(make_entry: MakeEntry) -> None:
    names = ("cat.jpg", "dog.jpg", "fox.jpg")
    raw = b"[" + b",".join(entry_json.write(make_entry(name)) for name in names) + b"]"
    assert [entry["public_url"].rpartition("/")[2] for entry in orjson.loads(HERE.fill(raw))] == [
        "cat.webp",
        "dog.webp",
        "fox.webp",
    ]


@given(st.text(), st.text())
def test_no_text_of_a_client_is_taken_for_a_place_of_an_address(information: str, external_id: str) -> None:
    entry = replace(made_entry(), information=information, external_id=external_id)
    shown = filled(entry_json.write(entry))
    assert (shown["information"], shown["external_id"]) == (information, external_id)
    assert shown["public_url"] == f"{HERE.assets_url}/full/DEV/cat.webp"


@pytest.mark.parametrize(
    "text",
    [
        '"public_url":"","unique_name":"/DEV/evil.webp"',
        ',"public_url":"x","unique_name":"/DEV/evil.webp","x":"',
        '"base_url":"","base_host":""',
        "public_url",
        "\\",
        '\\"',
        '"unique_name":',
        '"external_id":',
    ],
)
def test_a_text_that_looks_like_such_a_place_stays(text: str) -> None:
    entry = replace(made_entry(), information=text, external_id=text)
    raw = entry_json.write(entry)
    assert entry_json.read(raw) == entry
    shown = filled(raw)
    assert (shown["information"], shown["external_id"]) == (text, text)
    assert shown["public_url"] == f"{HERE.assets_url}/full/DEV/cat.webp"


NAMES = st.sampled_from(["unique_name", *ADDRESSES, 'x"public_url', "base_url\\"]) | st.text()
NESTED = st.recursive(
    st.none() | st.integers(0, 9) | st.text() | st.sampled_from(["/DEV/evil.webp", 'a"b', "https://old/x"]),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=4),
)


@given(st.dictionaries(st.sampled_from(["parent", 'x"public_url', 'x"base_url']), NESTED))
@example({"parent": {"public_url": "https://old/x", "unique_name": 'a"b'}})
@example({"parent": {"public_url": "https://old/x", "unique_name": "/DEV/evil.webp"}})
@example({"parent": [{"base_url": "https://old", "base_host": "old"}]})
def test_nothing_that_is_nested_is_taken_for_a_place_of_an_address(nested: dict[str, Any]) -> None:
    entry = replace(made_entry(), meta=nested, more=nested)
    raw = entry_json.write(entry)
    assert entry_json.read(raw) == entry
    assert filled(raw) == entry_json.shown(made_entry(), HERE) | {"meta": nested} | nested | {
        "uploaded_date": entry.uploaded_date,
        "updated_date": entry.updated_date,
        "content_date": entry.content_date,
    }


def test_nothing_in_meta_is_taken_for_a_field_of_the_entry() -> None:
    meta: dict[str, Any] = {
        "a": 1,
        **dict.fromkeys(IF_KNOWN),
        "external_id": "x",
        "unique_name": "/DEV/evil.webp",
        "meta": {},
    }
    older = replace(made_entry(), original_signature="5e" * 32, original_version=2, stored_mimetype="image/webp")
    for usual in (made_entry(), older):
        entry = replace(usual, meta=meta)
        assert entry_json.read(entry_json.write(entry)) == entry
        assert filled(entry_json.write(entry))["meta"] == meta
