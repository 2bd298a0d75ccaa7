import re

from services.catalog.feed.trail import CURSOR, NOW, Trail
from services.core.assets.events import Event, Fields, Happened, Kind

PATH, OLD, ELSE = "/DEV/cat.webp", "/DEV/old/cat.webp", "/DEV/dog.webp"
UUIDS = {path: f"00000000-0000-4000-8000-{number:012}" for number, path in enumerate((PATH, OLD, ELSE))}


def event(number: int, kind: Kind, path: str = "", before: Fields | None = None, **after: str) -> Event:
    return Event(number, Happened(kind, before, dict(after) or None), UUIDS.get(path, ""), path)


def moved(number: int, path: str, to: str) -> Event:
    return event(number, Kind.MOVED, to, {"uuid": UUIDS[path], "unique_name": path})


LOG = [
    event(1, Kind.CREATED, PATH),
    event(2, Kind.DELETED, PATH, {}),
    event(3, Kind.CREATED, OLD),
    event(4, Kind.CATALOG, cause="restored"),
    event(5, Kind.CATALOG, cause="addresses"),
    moved(6, OLD, PATH),
    event(7, Kind.CREATED, OLD),
    event(8, Kind.DELETED, PATH, {}),
    event(9, Kind.CREATED, PATH),
    event(10, Kind.DELETED, PATH, {}),
    event(11, Kind.RESTORED, PATH, deletion="8"),
    event(12, Kind.RESTORED, PATH, {"version": 2}),
    moved(13, OLD, ELSE),
]


def followed(trail: Trail) -> list[int]:
    return [one.number for one in reversed(LOG) if trail.takes(one)]


def test_an_asset_is_followed_back_over_moves_and_the_trash_to_its_creation() -> None:
    trail = Trail(NOW, PATH)
    assert followed(trail) == [12, 11, 8, 6, 4, 3]
    assert trail.is_complete


def test_a_deleted_asset_is_found_by_its_uuid_and_a_moved_one_by_its_old_uuid() -> None:
    trail = Trail(10, uuid=UUIDS[PATH])
    assert (followed(trail), trail.path, trail.is_complete) == ([9], PATH, True)
    trail = Trail(9, uuid=UUIDS[PATH])
    assert followed(trail) == [8, 6, 4, 3]
    trail = Trail(NOW, uuid=UUIDS[OLD])
    assert followed(trail) == [13, 7], "the last one that had it"
    trail = Trail(NOW, uuid="00000000-0000-4000-8000-00000000000f")
    assert (followed(trail), trail.path, trail.is_complete) == ([], "", False)


def test_a_page_goes_on_where_the_one_before_has_ended() -> None:
    trail, pages = Trail(NOW, PATH), []
    while not trail.is_complete:
        pages.append(next(one.number for one in reversed(LOG) if trail.takes(one)))
        assert re.fullmatch(CURSOR, trail.cursor)
        trail = Trail.at(trail.cursor) if not trail.is_complete else trail
    assert pages == [12, 11, 8, 6, 4, 3]


def test_there_is_nothing_before_the_first_number_so_it_is_not_a_cursor() -> None:
    cursor = Trail(1, PATH).cursor
    assert Trail.at(cursor) == Trail(1, PATH)
    assert re.fullmatch(CURSOR, cursor)
    assert not re.fullmatch(CURSOR, f"0{PATH}")
