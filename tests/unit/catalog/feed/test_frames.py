import json

from hypothesis import given
from hypothesis import strategies as st

from services.catalog.feed import frames
from services.catalog.feed.frames import Reason
from services.core.assets.events import Event, Happened, Kind
from services.core.state.progress import Reached

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS, TEXTS)
def test_no_text_of_a_client_ends_a_frame_or_begins_another(text: str, who: str) -> None:
    event = Event(17, Happened(Kind.CHANGED, {"title": None}, {"title": text}), "u", "/DEV/cat.webp", who)
    number, name, data, *rest = frames.change(event).decode().split("\n")
    assert (number, name, rest) == ("id: 17", "event: change", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == event.shape
    assert "\r" not in data


def test_what_is_no_change_has_frames_of_its_own() -> None:
    assert frames.reset(Reason.GAP, 17) == b'id: 17\nevent: reset\ndata: {"reason":"gap"}\n\n'
    assert frames.reset(Reason.GAP, None) == b'event: reset\ndata: {"reason":"gap"}\n\n'
    told = b'id: 18\nevent: purged\ndata: {"everywhere":"16","reachable":"17"}\n\n'
    assert frames.purged(Reached(19, 16, 17), 18) == told
    assert frames.seen(18) == b"id: 18\n\n"
