from typing import Any

import pytest

from services.catalog.feed.wanted import Wanted
from services.core.assets.events import Event, Happened, Kind

UUID, OLD = "4ff11851-0000-4000-8000-000000000001", "4ff11851-0000-4000-8000-000000000002"
CHANGED = Event(17, Happened(Kind.CHANGED), UUID.upper().replace("-", ""), "/DEV/shop/cat.webp")
MOVED = Event(
    18, Happened(Kind.MOVED, {"uuid": OLD, "unique_name": "/DEV/old/cat.webp"}, {}), UUID, "/DEV/new/cat.webp"
)
WHOLE = Event(19, Happened(Kind.CATALOG, None, {"cause": "restored"}))


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        ({}, [CHANGED, MOVED, WHOLE]),
        ({"kinds": {Kind.CHANGED}}, [CHANGED]),
        ({"kinds": {Kind.CATALOG, Kind.MOVED}}, [MOVED, WHOLE]),
        ({"folders": ("/DEV/",)}, [CHANGED, MOVED, WHOLE]),
        ({"folders": ("/DEV/shop/",)}, [CHANGED, WHOLE]),
        ({"folders": ("/DEV/", "/DEV/old/")}, [MOVED, WHOLE]),
        ({"folders": ("/DEV/new/", "/DEV/old/")}, [WHOLE]),
        ({"folders": ("/DEV/sho/",)}, [WHOLE]),
        ({"uuid": UUID}, [CHANGED, MOVED, WHOLE]),
        ({"uuid": OLD}, [MOVED, WHOLE]),
        ({"uuid": OLD, "folders": ("/DEV/shop/",)}, [WHOLE]),
        ({"namespaces": {"DEV"}}, [CHANGED, MOVED, WHOLE]),
        ({"namespaces": {"DE", "PROD"}}, [WHOLE]),
        ({"namespaces": frozenset()}, [WHOLE]),
    ],
)
def test_a_selection_takes_what_it_names_and_what_is_about_all(selection: dict[str, Any], taken: list[Event]) -> None:
    assert [event for event in (CHANGED, MOVED, WHOLE) if Wanted(**selection).takes(event)] == taken
