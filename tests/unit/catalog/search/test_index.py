"""The index on a real file of SQLite, against a plain search through the same rows."""

import itertools
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.catalog.search import counting, ledger, planner, reading, writing
from services.catalog.search.file import Damaged, Full
from services.catalog.search.folders import Folder, above
from services.catalog.search.place import Place
from services.catalog.search.query import Query, parse
from services.catalog.search.reading import Reader
from services.catalog.search.row import MISSING, Row, row_of
from services.catalog.search.words import needle
from services.catalog.search.writing import Builder, Writer
from services.core.state import entry_json
from tests.support import catalogs

COUNT = 5000
NOW = 1_800_000_000.0
MOST_BYTES = 1024**3
ADJECTIVES = ("red", "blue", "été", "old", "quiet", "Größe")
THINGS = ("cat", "dog", "house", "chair", "bridge", "lamp")


def an_entry(number: int, **changes: Any) -> bytes:
    """Return a stored entry; its words, folder and fields follow from its number."""
    chance = random.Random(number)
    thing, folder = chance.choice(THINGS), chance.choice(("DEV/shop", "DEV/shop/old", "DEV/news", "DEV/shop2", "PROD"))
    entry: dict[str, Any] = {
        "unique_name": f"/{folder}/{thing}-{number}.webp",
        "original_filename": f"{thing}-{number}.jpg",
        "original_mimetype": chance.choice(("image/jpeg", "image/png")),
        "width": chance.choice((None, 100, 200)),
        "height": chance.choice((100, 150)),
        "dominant_color": chance.choice((None, "#ff0000", "#0000ff")),
        "expired": chance.random() < 0.1,
        "expiration_date": chance.choice((None, "2020-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00")),
        "visible_from": chance.choice((None, f"2026-03-{1 + number % 28:02}T00:00:00+00:00")),
        "uploaded_date": f"2026-01-{chance.randint(1, 28):02}T00:00:00+00:00",
        "updated_date": f"2026-02-{chance.randint(1, 28):02}T00:00:00+00:00",
        "size": chance.randint(0, 50),
        "external_id": chance.choice((None, str(number % 100))),
        "signature": f"{number % 900:064x}",
        "information": f"{chance.choice(ADJECTIVES)} {chance.choice(ADJECTIVES)}",
        "title": chance.choice((None, thing.upper())),
        "tags": chance.sample(["sale", "summer", "new"], chance.randint(0, 2)),
    }
    return orjson.dumps({**entry, **changes})


def takes(row: Row, query: Query) -> bool:
    """Say whether a row is found, without SQL."""
    orientation = (row.width > row.height) - (row.width < row.height) if row.width and row.height else None
    is_expired = row.group.expired or (row.expires is not None and row.expires <= NOW * 1000)
    folder = query.folder or ""
    return all(
        (
            all(needle(word) in row.text for word in query.words),
            not folder or row.folder == folder or (query.recursive and row.folder.startswith(f"{folder}/")),
            set(query.tags) <= set(row.tags),
            not query.types or row.group.type in query.types,
            all(
                (value := getattr(row, bounds.column)) is not None
                and (bounds.least is None or value >= bounds.least)
                and (bounds.below is None or value < bounds.below)
                for bounds in query.ranges
            ),
            query.orientation is None
            or (orientation is not None and query.orientation == ("square", "landscape", "portrait")[orientation]),
            query.colour in (None, row.group.colour),
            query.expired in (None, is_expired),
            query.missing is None or row.group.lacks >> MISSING.index(query.missing) & 1,
            query.external_id in (None, row.external_id),
            query.signature in (None, row.signature.hex()),
        )
    )


def expected(rows: Sequence[Row], query: Query) -> list[str]:
    def place(row: Row) -> Any:
        return getattr(row, query.order), row.tie

    found = [row for row in rows if takes(row, query)]
    return [row.unique_name for row in sorted(found, key=place, reverse=query.descending)]


def all_pages(reader: Reader, query: Query) -> list[str]:
    names: list[str] = []
    while True:
        found = reader.find(query, NOW)
        names += found.names
        if found.cursor is None:
            return names
        query = replace(query, cursor=found.cursor)


def folders_of(rows: Sequence[Row]) -> dict[str, Folder]:
    """Return each folder of the rows, without SQL."""
    found: dict[str, Folder] = {}
    for row in rows:
        for path in (row.folder, *above(row.folder)):
            sums, own = found.get(path, Folder(path, 0, 0, 0, 0)), int(path == row.folder)
            found[path] = Folder(
                path,
                sums.entries + own,
                sums.bytes + own * row.size,
                sums.all_entries + 1,
                sums.all_bytes + row.size,
            )
    return found


def all_folders(reader: Reader, path: str = "") -> Iterator[Folder]:
    """Yield a folder and all below it."""
    listing = reader.folders(path, "", 2)
    yield listing.folder
    while listing.inside:
        for folder in listing.inside:
            yield from all_folders(reader, folder.path)
        listing = reader.folders(path, listing.inside[-1].path, 2)


def counts_of(reader: Reader) -> list[list[tuple[Any, ...]]]:
    """Return the counts of groups and tags."""
    groups = "namespace, type, shape, colour, lacks, expired, entries FROM groups WHERE entries != 0"
    return [
        reader._connection.execute(f"SELECT {what} ORDER BY 1, 2, 3, 4, 5, 6").fetchall()
        for what in (groups, "*, 0, 0, 0 FROM tag_counts")
    ]


def rebuilt(path: Path, rows: Sequence[Row]) -> Reader:
    build(path, rows)
    return Reader(path, MOST_BYTES)


def build(path: Path, rows: Sequence[Row], position: int = 7) -> None:
    builder = Builder(path, MOST_BYTES)
    for start in range(0, len(rows), 500):
        builder.add(rows[start : start + 500])
    builder.finish(position)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [row_of(an_entry(number)) for number in range(COUNT)]


@pytest.fixture(scope="module")
def built(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "0.sqlite"
    build(path, rows)
    return path


@pytest.fixture
def reader(built: Path) -> Iterator[Reader]:
    made = Reader(built, MOST_BYTES)
    yield made
    made.close()


SEARCHES = [
    "",
    "q=cat",
    "q=at",
    "q=ca 12",
    "q=ete",
    "q=GROSSE bridge",
    "q=c",
    "q=nothing",
    "q=chair&tag=sale",
    "folder=/DEV/shop",
    "folder=/DEV/shop&recursive=true",
    "namespace=DEV&type=image/png",
    "tag=sale&tag=new",
    "min_width=150&max_size=20",
    "orientation=landscape",
    "orientation=square&color=red",
    "expired=true",
    "expired=false&missing=title",
    "missing=tags",
    "external_id=42",
    f"signature={5:064x}",
    "uploaded_after=2026-01-10&uploaded_before=2026-01-12",
    "q=lamp&sort=name",
    "q=lamp&sort=-size",
    "sort=updated_date&expired=true",
    "expired=false",
    "expired=true&type=image/png",
    "namespace=PROD",
    "namespace=PROD&missing=alt&color=blue",
    "namespace=PROD&tag=sale",
    "namespace=DEV&sort=name",
    "namespace=DEV&expired=false",
    "folder=/DEV/shop&type=image/png",
    "folder=/DEV/shop&recursive=true&orientation=portrait",
    "folder=/DEV/shop&recursive=true&sort=uploaded_date",
    "folder=/DEV/shop&recursive=true&sort=-name",
    "folder=/PROD",
    "type=image/png&type=image/jpeg",
    "min_width=200",
    "min_height=120&color=red&q=cat",
    "uploaded_before=2026-01-20",
    "uploaded_before=2026-01-20&sort=uploaded_date",
    "uploaded_after=2026-01-10&uploaded_before=2026-01-12&q=cat",
    "min_size=10&max_size=12&sort=size",
    "expires_after=2020-01-01&sort=expiration_date",
    "expires_after=2020-01-02&sort=-expiration_date&tag=new",
    "expires_before=2020-01-02&expired=true&sort=-expiration_date",
    "visible_after=2026-03-05&visible_before=2026-03-09&sort=visible_from",
    "visible_after=2026-03-05&visible_before=2026-03-09&sort=-visible_from&folder=/DEV/shop&recursive=true",
    "visible_before=2026-03-20&expires_after=2030-01-01",
    "tag=new",
]


def query_of(text: str) -> Query:
    return parse((name, value) for name, _, value in (part.partition("=") for part in text.split("&") if part))


BOUNDS = {"narrow": (10_000, 10_000, 500), "counted": (40, 10_000, 500), "walked": (40, 0, 0)}
"""Candidates that are looked at, rows that are counted, and runs that are merged: which plans there are."""


@pytest.fixture(params=BOUNDS)
def bounded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    plan: str = request.param
    narrow, count, runs = BOUNDS[plan]
    for module, name, most in (
        (planner, "NARROW_MAX", narrow),
        (planner, "FEW", min(narrow, 200)),
        (reading, "WALK_MAX", narrow),
        (reading, "SAMPLE_MAX", narrow),
        (reading, "RUNS_MAX", runs),
        (counting, "COUNT_MAX", count),
    ):
        monkeypatch.setattr(module, name, most)
    return plan


def facets_of(rows: Sequence[Row], query: Query) -> dict[str, dict[str, int]]:
    """Return the facets of a search, without SQL."""
    found = [row for row in rows if takes(row, query)]
    tags = Counter(tag for row in found for tag in row.tags)
    return {
        "type": Counter(row.group.type for row in found),
        "folder": Counter(row.folder for row in found),
        "tag": tags,
    }


@pytest.mark.parametrize("text", SEARCHES)
def test_what_is_found_is_what_a_look_at_every_row_finds(
    rows: list[Row], reader: Reader, text: str, bounded: str
) -> None:
    query = replace(query_of(text), limit=97)
    wanted = expected(rows, query)
    assert all_pages(reader, query) == wanted
    for name, facet in facets_of(rows, query).items():
        found = reader.find(replace(query, facets=(name,)), NOW)
        if found.facets_exact:
            assert dict(found.facets[name]) == facet
        else:
            assert sum(count for _, count in found.facets[name]) <= 2 * reading.SAMPLE_MAX
        counts = [count for _, count in found.facets[name]]
        assert counts == sorted(counts, reverse=True)
        assert found.total == len(wanted) if found.total_exact else found.total <= reading.SAMPLE_MAX
        assert bounded != "narrow" or (found.total_exact and found.facets_exact)
    updated = {row.unique_name: row.updated for row in rows}
    named = [(one.unique_name, one.found) for one in reader.named(query, COUNT, NOW)]
    assert sorted(named) == sorted((name, updated[name]) for name in wanted)
    assert len(reader.named(query, 3, NOW)) == min(3, len(wanted))
    for namespaces in ((), ("DEV",), ("DEV", "PROD", "None")):
        of_these = {name for name in wanted if name.split("/")[1] in namespaces}
        assert {one.unique_name for one in reader.named(query, len(of_these), NOW, namespaces)} == of_these


@pytest.mark.parametrize(
    "text",
    [
        "",
        "namespace=DEV",
        "type=image/jpeg&color=red",
        "missing=title&orientation=landscape&namespace=DEV",
        "expired=false",
        "expired=false&type=image/png",
        "expired=true",
        "expired=true&type=image/png&namespace=DEV",
        "folder=/DEV/shop",
        "folder=/DEV/shop&recursive=true&type=image/png",
        "tag=sale",
        "tag=sale&namespace=DEV",
        "min_width=200",
        "uploaded_after=2026-01-10",
        "expires_after=2020-01-02&sort=expiration_date",
        "visible_before=2026-03-20",
    ],
)
@pytest.mark.parametrize("bounded", ["counted"], indirect=True)
def test_what_has_no_words_is_counted_exactly(rows: list[Row], reader: Reader, text: str, bounded: str) -> None:
    query = query_of(text)
    found = reader.find(query, NOW)
    assert (found.total, found.total_exact) == (len(expected(rows, query)), True)


@pytest.mark.parametrize(
    ("text", "facets"),
    [
        ("", "type,folder,tag"),
        ("namespace=DEV", "type,folder,tag"),
        ("color=red", "type,folder"),
        ("folder=/DEV/shop&recursive=true", "type,folder"),
        ("folder=/DEV/shop&type=image/png", "type,folder"),
    ],
)
@pytest.mark.parametrize("bounded", ["counted"], indirect=True)
def test_facets_without_words_are_counted_exactly(
    rows: list[Row], reader: Reader, text: str, facets: str, bounded: str
) -> None:
    query = query_of(f"{text}&facets={facets}")
    found = reader.find(query, NOW)
    assert found.facets_exact
    wanted = facets_of(rows, query)
    assert {name: dict(values) for name, values in found.facets.items()} == {
        name: wanted[name] for name in found.facets
    }


@pytest.mark.parametrize(
    ("order", "bounds"),
    [
        ("uploaded_date", "uploaded_after=2026-01-27&uploaded_before=2026-01-28"),
        ("-expiration_date", "expires_after=2098-01-01"),
        ("visible_from", "visible_after=2026-03-27"),
    ],
)
@pytest.mark.parametrize("bounded", ["walked"], indirect=True)
def test_a_range_of_what_it_is_sorted_by_is_found_on_the_first_page(
    rows: list[Row], reader: Reader, order: str, bounds: str, bounded: str
) -> None:
    query = replace(query_of(f"{bounds}&sort={order}"), limit=10)
    found = reader.find(query, NOW)
    assert found.names == expected(rows, query)[:10]
    for each in (query, replace(query, cursor=found.cursor)):
        walk = f"SELECT id FROM entries WHERE {planner.walked(each).text} ORDER BY {planner.in_order(each)}"
        plan = reader._connection.execute(f"EXPLAIN QUERY PLAN {walk}", planner.walked(each).values).fetchall()
        # The index has the order, and its bounds are used: nothing is sorted, and nothing before them is read.
        assert re.fullmatch(
            rf"SEARCH entries USING (COVERING )?INDEX by_{query.order} \(.+\)", "; ".join(str(line[3]) for line in plan)
        )


def test_the_driver_is_the_one_with_the_fewest_entries() -> None:
    most = planner.NARROW_MAX
    assert planner.choose([most, 3, 4]) == 1
    assert planner.choose([most, most + 1]) == 0
    assert planner.choose([most + 1]) is None
    assert planner.choose([]) is None


@pytest.mark.parametrize("loose", [0, 30, 10_000])
def test_changes_leave_what_a_new_index_would_have(
    rows: list[Row], tmp_path: Path, loose: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LOOSE_MAX", loose)
    chance = random.Random(1)
    path = tmp_path / "0.sqlite"
    build(path, rows[:1000])
    writer, reader = Writer(path, MOST_BYTES), Reader(path, MOST_BYTES)
    now = {row.unique_name: row for row in rows[:1000]}
    for position in range(8, 40):
        changed: list[tuple[str, Row | None]] = []
        for number in chance.sample(range(1200), 40):
            name = rows[number].unique_name
            row = chance.choice([None, rows[number], row_of(an_entry(number, information="changed", tags=["sale"]))])
            changed.append((name, row))
            if row is None:
                now.pop(name, None)
            else:
                now[name] = row
        writer.apply(changed, position)
    for text in [*SEARCHES, "q=changed"]:
        query = replace(query_of(text), limit=100)
        assert all_pages(reader, query) == expected(list(now.values()), query), text
    assert {folder.path: folder for folder in all_folders(reader)} == folders_of(list(now.values()))
    assert counts_of(reader) == counts_of(rebuilt(tmp_path / "again.sqlite", list(now.values())))
    monkeypatch.setattr(writing, "LOOSE_MAX", 0)
    writer.apply([], 39)
    reader._connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    reader.close()
    writer.close()
    assert Writer(path, MOST_BYTES).position == 39


@pytest.mark.parametrize("bounded", ["counted"], indirect=True)
def test_entries_that_wait_to_be_indexed_hide_no_others(tmp_path: Path, bounded: str) -> None:
    path = tmp_path / "0.sqlite"
    some = [row_of(an_entry(number, title="picture")) for number in range(60)]
    build(path, some)
    writer, reader = Writer(path, MOST_BYTES), Reader(path, MOST_BYTES)
    some[:5] = [row_of(an_entry(number, title="picture of old")) for number in range(5)]
    writer.apply([(row.unique_name, row) for row in some[:5]], 8)
    query = query_of("q=picture")
    assert all_pages(reader, query) == expected(some, query)
    assert len(reader.named(query, 100, NOW)) == 60
    reader.close()
    writer.close()


def test_an_index_that_was_not_finished_is_none(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "0.sqlite"
    Builder(path, MOST_BYTES).add(rows[:10])
    with pytest.raises(Damaged):
        Writer(path, MOST_BYTES)
    build(path, rows[:10])
    assert Writer(path, MOST_BYTES).position == 7


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"x" * 5000, b"not a database at all" * 300])
def test_a_file_that_is_no_index_is_damaged(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "0.sqlite"
    path.write_bytes(content)
    with pytest.raises(Damaged):
        Writer(path, MOST_BYTES)


def test_the_file_is_bounded(rows: list[Row], tmp_path: Path) -> None:
    builder = Builder(tmp_path / "0.sqlite", 256 * 1024)
    with pytest.raises(Full):
        builder.add(rows)
    builder.abandon()
    assert list(tmp_path.iterdir()) == []


def test_an_entry_with_few_fields_is_found(tmp_path: Path) -> None:
    path = tmp_path / "0.sqlite"
    build(path, [row_of(b'{"unique_name": "/DEV/cat.webp"}')])
    reader = Reader(path, MOST_BYTES)
    found = reader.find(query_of("q=cat&missing=alt"), NOW)
    assert (found.names, found.total, found.cursor) == (["/DEV/cat.webp"], 1, None)
    reader.close()


@pytest.mark.parametrize("tags", ["summer,beach", ["summer", "beach", "summer"], "summer", 7, None, "", {"a": 1}])
def test_fields_of_an_older_service_are_indexed_as_they_are_shown(tags: Any) -> None:
    stored = orjson.loads(entry_json.write(catalogs.an_entry("cat")))
    raw = orjson.dumps({**stored, "tags": tags, "title": ["a", 1]})
    shown = entry_json.read(raw)
    assert row_of(raw) == row_of(entry_json.write(shown))
    assert row_of(raw).tags == tuple(shown.tags)


def test_each_process_has_a_file_of_its_own(tmp_path: Path) -> None:
    first, second = Place(tmp_path / "search"), Place(tmp_path / "search")
    assert first.path != second.path
    taken = first.path
    first.close()
    third = Place(tmp_path / "search")
    assert third.path == taken
    second.close()
    third.close()


def test_equal_entries_have_one_order_in_every_index(rows: list[Row], tmp_path: Path) -> None:
    query = replace(query_of("sort=size"), limit=100)
    pages = []
    for number, some in enumerate((rows[:500], list(reversed(rows[:500])))):
        path = tmp_path / f"{number}.sqlite"
        build(path, some)
        reader = Reader(path, MOST_BYTES)
        pages.append(all_pages(reader, query))
        reader.close()
    assert all(itertools.starmap(str.__eq__, zip(*pages, strict=True)))


@pytest.mark.parametrize("most", [1, 10_000])
def test_folders_say_what_is_in_them(
    rows: list[Row], tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_HELD_MAX", most)
    path = tmp_path / "0.sqlite"
    build(path, rows)
    reader = Reader(path, MOST_BYTES)
    wanted = folders_of(rows)
    assert {folder.path: folder for folder in all_folders(reader)} == wanted
    assert [folder.path for folder in reader.folders("/DEV", "/DEV/news", 1).inside] == ["/DEV/shop"]
    assert reader.folders("/DEV/none", "", 9).folder == Folder("/DEV/none", 0, 0, 0, 0)
    reader.close()


def test_a_folder_is_gone_with_its_last_entry(rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "0.sqlite"
    build(path, [rows[0], rows[1]._replace(folder="/DEV/a/b")])
    writer, reader = Writer(path, MOST_BYTES), Reader(path, MOST_BYTES)
    writer.apply([(rows[1].unique_name, None)], 8)
    assert {folder.path for folder in all_folders(reader)} == {"", *above(rows[0].folder), rows[0].folder}
    writer.apply([(rows[0].unique_name, None)], 9)
    assert list(all_folders(reader)) == [Folder("", 0, 0, 0, 0)]
    reader.close()
    writer.close()
