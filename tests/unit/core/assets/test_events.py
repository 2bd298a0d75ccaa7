from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import entries, events, moves, names
from services.core.assets.entries import StoredFile
from services.core.assets.events import BYTES_MAX, Event, Fields, Happened, Kind
from services.core.assets.facts import Facts
from tests.support.entries import made_entry

FIRST = made_entry(title="A cat", tags=["pet"])
SECOND = entries.with_file(FIRST, StoredFile("image/png", "6f" * 32, 99, "DEV/cat.webp.0123456789abcdef", 99), "png")
SEEN = Facts(640, 427, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3")
SUMMARY = {
    "version": 1,
    "mimetype": FIRST.mimetype,
    "size": FIRST.size,
    "signature": FIRST.signature,
    "title": "A cat",
    "tags": ["pet"],
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | TEXTS, lambda inner: st.lists(inner, max_size=9))


def test_a_change_is_told_by_what_changes_and_by_nothing_else() -> None:
    moved = moves.moved(
        replace(FIRST, alt="white"), moves.renamed(FIRST, "pets", None), names.plain_storage_key("/DEV/pets/cat.webp")
    )
    file = ("version", "size", "signature")
    told: list[tuple[Happened, Kind, Fields | None, Fields | None]] = [
        (events.written(None, FIRST), Kind.CREATED, None, SUMMARY),
        (events.written(None, FIRST, deletion=17), Kind.RESTORED, None, {"deletion": "17", **SUMMARY}),
        (
            events.written(FIRST, SECOND),
            Kind.REPLACED,
            {name: getattr(FIRST, name) for name in file},
            {name: getattr(SECOND, name) for name in file},
        ),
        (
            events.written(SECOND, FIRST, restores=True),
            Kind.RESTORED,
            {name: getattr(SECOND, name) for name in file},
            {name: getattr(FIRST, name) for name in file},
        ),
        (
            events.written(FIRST, replace(FIRST, title=None, expired=True, updated_date="later")),
            Kind.CHANGED,
            {"title": "A cat", "expired": False},
            {"title": None, "expired": True},
        ),
        (
            events.written(FIRST, moved),
            Kind.MOVED,
            {"uuid": FIRST.uuid, "unique_name": FIRST.unique_name, "alt": None},
            {"uuid": moved.uuid, "unique_name": "/DEV/pets/cat.webp", "alt": "white"},
        ),
        (
            events.described(FIRST, FIRST.with_facts(SEEN)),
            Kind.DESCRIBED,
            {"width": None, "height": None, "blurhash": None, "dominant_color": None},
            {"width": 640, "height": 427, "blurhash": SEEN.blurhash, "dominant_color": "#a1b2c3"},
        ),
        (events.deleted(FIRST), Kind.DELETED, SUMMARY, None),
    ]
    for found, kind, before, after in told:
        assert found == Happened(kind, before, after)


@given(
    first=st.fixed_dictionaries(dict.fromkeys(("title", "alt", "caption", "credit", "information"), TEXTS)), meta=JSON
)
def test_what_is_told_is_short_and_comes_back_as_it_is(first: dict[str, Any], meta: Any) -> None:
    after = replace(FIRST, **first, meta={"of a client": meta}, tags=list(first.values()))
    for found in (events.written(FIRST, after), events.written(after, FIRST), events.written(None, after)):
        assert len(found.to_text().encode()) <= BYTES_MAX + 40
        assert Happened.from_text(found.to_text().encode()) == found


def test_a_long_value_is_told_by_its_beginning() -> None:
    changed = replace(FIRST, title="ab" * 200, tags=["c" * 60, "d" * 60], alt="white")
    assert events.written(FIRST, changed).after == {
        "title": "ab" * 48 + "…",
        "alt": "white",
        "tags": '["' + "c" * 60 + '","' + "d" * 31 + "…",
    }


def test_even_the_longest_texts_in_all_fields_are_short() -> None:
    texts: dict[str, Any] = dict.fromkeys(entries.TEXTS, "\x00" * 4096)
    worst = replace(FIRST, **texts, meta={"a": "\x00" * 4000}, tags=["\x00" * 128] * 64, focus_x=0.1234, focus_y=0.5678)
    found = events.written(FIRST, replace(worst, version=10**15, size=10**15, signature="7" * 64))
    assert len(found.to_text().encode()) <= BYTES_MAX + 40
    assert (found.after or {})["title"] == "…"


def test_the_names_of_a_moved_asset_and_an_undone_deletion_are_told_whole_beside_texts_of_any_length() -> None:
    texts: dict[str, Any] = dict.fromkeys(entries.TEXTS, "\x00" * 4096)
    folders = "/".join(["f" * 90] * 10)
    moved = moves.moved(
        replace(FIRST, **texts, meta={"a": "\x00" * 4000}, tags=["\x00" * 128] * 64),
        moves.renamed(FIRST, folders, None),
        "DEV/cat.webp",
    )
    for first, second in ((FIRST, moved), (moved, FIRST)):
        event = Event(17, events.written(first, second), second.uuid, second.unique_name)
        assert event.kind is Kind.MOVED
        assert event.paths == (second.unique_name, first.unique_name)
        assert event.uuids == (second.uuid, first.uuid)
    back = events.written(None, moved, deletion=1_796_066_126_000_005)
    assert (back.after or {})["deletion"] == "1796066126000005"


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"7", b'["asset.created",1,2]', b'["asset.painted",null,null]', b"\xff"]
)
def test_what_another_version_has_written_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="not an event"):
        Happened.from_text(text)


def test_an_event_has_one_shape() -> None:
    happened = Happened(Kind.CHANGED, {"title": None}, {"title": "A cat"})
    event = Event(1_796_066_126_000_005, happened, "u", "/DEV/cat.webp", "cms", "0123456789abcdef")
    assert event.shape == {
        "id": "1796066126000005",
        "kind": "asset.changed",
        "time": "2026-11-30T19:15:26.000005+00:00",
        "uuid": "u",
        "unique_name": "/DEV/cat.webp",
        "before": {"title": None},
        "after": {"title": "A cat"},
        "who": "cms",
        "request_id": "0123456789abcdef",
    }
    whole = Event(17, Happened(Kind.CATALOG, {"count": 3}, {"cause": "emptied", "count": 0}))
    assert orjson.loads(orjson.dumps(whole.shape))["uuid"] is None
    assert (whole.shape["unique_name"], whole.shape["who"], whole.paths) == (None, None, ())
    assert event.paths == ("/DEV/cat.webp",)
    moved = replace(
        event, happened=Happened(Kind.MOVED, {"unique_name": "/DEV/a.webp"}, {"unique_name": "/DEV/cat.webp"})
    )
    assert moved.paths == ("/DEV/cat.webp", "/DEV/a.webp")
