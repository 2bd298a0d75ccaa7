"""Addresses of the Python client are those of the service's grammar."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tada_client import Addresses, AddressRefused, Entry
from tada_client.models import entry

from services.core.addresses.form import canonical, parse
from services.core.addresses.signing import sign
from services.core.assets.addresses import Addresses as PublicAddresses
from services.core.errors import TadaError
from services.core.state.entry_json import shown as as_shown
from tests.support.entries import made_entry
from tools.stack.plan import ROOT

BASE = "https://media.example.com/assets/media"
KEY = "a key of at least 32 characters, kept secret"


def rows(name: str) -> list[Any]:
    found = json.loads((ROOT / f"clients/vectors/{name}.json").read_text())
    return [pytest.param(row, id=f"{number}-{row['case']}") for number, row in enumerate(found)]


def made(make: Callable[[], str]) -> tuple[str | None, str | None]:
    """Return an address, or the argument that is at fault."""
    try:
        return make(), None
    except AddressRefused as refused:
        return None, refused.argument


@pytest.mark.parametrize("row", rows("addresses"))
def test_addresses_are_those_of_the_table(row: dict[str, Any]) -> None:
    wanted: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in row["wanted"].items()}
    assert made(lambda: Addresses(row["base"]).url(row["name"], **wanted)) == (row.get("address"), row.get("refused"))


@pytest.mark.parametrize("row", rows("forms"))
def test_forms_are_those_of_the_table(row: dict[str, Any]) -> None:
    form = made(lambda: Addresses(row["base"]).canonical(row["address"]))
    assert form == (row.get("form"), row.get("refused"))


@pytest.mark.parametrize("row", rows("signatures"))
def test_signatures_are_those_of_the_table(row: dict[str, Any]) -> None:
    assert Addresses(row["base"], row["key"], row["expires"]).sign(row["address"]) == row["signed"]


TEXTS = st.sampled_from(
    [
        "",
        "0",
        "1",
        "07",
        "200",
        "70",
        "webp",
        "avif",
        "jpg",
        "contain",
        "cover",
        "smart",
        "0.5,0.50",
        "0,1.0",
        "2",
        "1.5",
    ]
) | st.text("0123456789.,%aw", max_size=6)
ARGUMENTS = st.sampled_from(
    ["width", "height", "quality", "format", "fit", "crop", "dpr", "max_kb", "blur", "preset", "v", "Quality", "x"]
)
PATHS = st.sampled_from(["full", "original", "optimise/200x100", "optimise/0x0", "optimise/thumb", "optimise/07x0"])
NAMES = st.sampled_from(["/DEV/cat.webp", "/image/DEV/a/cat.jpg", "/DEV/menu.pdf", "/DEV/logo.svg", "/DEV/wave.gif"])


@given(PATHS, NAMES, st.lists(st.tuples(ARGUMENTS, TEXTS), max_size=5))
def test_any_address_has_the_form_that_the_service_reads(path: str, name: str, pairs: list[tuple[str, str]]) -> None:
    query = "&".join(f"{argument}={text}" for argument, text in pairs)
    below = f"/{path}{name}"
    try:
        wanted: str | None = canonical(parse(f"/assets/media{below}", query, 999_999_999, {"thumb"}))
    except TadaError:
        wanted = None
    try:
        found: str | None = Addresses(BASE).canonical(f"{BASE}{below}?{query}")
    except AddressRefused:
        found = None
    # The client does not know which presets there are.
    if wanted is None and found is not None:
        assert "preset=" in query
    else:
        assert found == wanted


@pytest.fixture
def cat() -> Entry:
    facts = {"width": 1000, "height": 500}
    return entry(as_shown(made_entry(alt='A "grey" <cat>'), PublicAddresses(BASE)) | facts)


def test_a_set_has_nothing_wider_than_the_picture_and_keeps_a_ratio(cat: Entry) -> None:
    whole = Addresses(BASE).srcset(cat, (400, 800, 1600))
    assert [one.rpartition(" ")[2] for one in whole.split(", ")] == ["400w", "800w", "1000w"]
    square = Addresses(BASE).srcset(cat, (400, 800), width=100, height=100, crop="smart")
    assert square.split(", ")[0] == f"{BASE}/optimise/400x400/DEV/cat.webp?crop=smart 400w"
    assert len(Addresses(BASE).srcset("/DEV/cat.webp").split(", ")) == 7


def test_a_picture_leaves_room_for_itself_and_is_safe_in_a_page(cat: Entry) -> None:
    shown = Addresses(BASE).picture(cat, (400, 800))
    assert 'alt="A &quot;grey&quot; &lt;cat&gt;"' in shown
    assert 'width="800" height="400"' in shown
    assert f"{BASE}/optimise/400x0/DEV/cat.webp?format=avif&amp;v=5e5e5e5e5e5e 400w" in shown
    assert "<source" not in Addresses(BASE).picture(cat, (400,), format="jpeg")


def test_with_a_key_every_address_is_signed_until_its_end(cat: Entry) -> None:
    ends = datetime(2026, 10, 28, 4, 0, tzinfo=UTC)
    signed = Addresses(BASE, KEY, ends).url(cat, width=200, quality=80)
    end = str(int(ends.timestamp()))
    signature = sign(KEY, "/assets/media/optimise/200x0/DEV/cat.webp?quality=80", end)
    assert signed == f"{BASE}/optimise/200x0/DEV/cat.webp?quality=80&expires={end}&signature={signature}"
    assert KEY not in repr(Addresses(BASE, KEY))
    with pytest.raises(AddressRefused):
        Addresses(BASE).sign(f"{BASE}/full/DEV/cat.webp")
