"""Which addresses of an asset are signed, and how each is written then."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.signatures import ADDRESSES_MAX, SECONDS_MAX, Asked, Rules, other_names, read, unsigned
from services.core.addresses.form import parse, signed
from services.core.addresses.presets import Allowed
from services.core.addresses.signing import is_valid, without_own
from services.core.assets.entries import Entry
from services.core.errors import BadRequest
from tests.support.entries import made_entry

BASE = "https://media.example.com/shop/assets/media"
PRESETS = {"thumb": "200x200?fit=contain"}
RULES = Rules(BASE, Allowed(PRESETS), 8192)
KEY = "k" * 32
NAME = "/DEV/shop/cat.webp"


CAT = made_entry("cat.jpg", "image/jpeg", destination="shop")


def address(text: str, entry: Entry, rules: Rules = RULES, others: list[str] | None = None) -> str:
    """Return the signed address without its end, as far as it is the same each time."""
    found = unsigned(text, entry, other_names(entry) if others is None else others, rules)
    url = found.sign(rules.base, KEY, "4000000000")
    path, _, query = url.partition("?")
    given = dict(part.partition("=")[::2] for part in query.split("&"))
    assert is_valid([KEY], found.form, given["signature"], given["expires"], 0)
    assert url.endswith(f"expires=4000000000&signature={given['signature']}")
    # The gateway makes the same form of what is returned.
    form = parse(path.replace(rules.base, "/assets/media"), query, rules.side_max, rules.allowed.presets)
    assert signed(form) == found.form
    rest = without_own(query)
    assert path.startswith(rules.base)
    return path.removeprefix(rules.base) + (f"?{rest}" if rest else "")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("full", f"/full{NAME}"),
        ("full?quality=080&width=400", f"/full{NAME}?width=400&quality=80"),
        ("original", "/original/DEV/shop/cat.jpg"),
        ("original?quality=5", "/original/DEV/shop/cat.jpg"),
        ("optimise/0200x0?format=jpg&quality=70&x", f"/optimise/200x0{NAME}?quality=70&format=jpeg"),
        ("optimise/200x0?fit=contain&crop=smart&blur=2.50", f"/optimise/200x0{NAME}?blur=2.5"),
        ("optimise/thumb?dpr=2&quality=5", f"/optimise/thumb{NAME}?dpr=2"),
        ("full?preset=thumb", f"/full{NAME}?preset=thumb"),
        (f"{BASE}/optimise/90x0{NAME}", f"/optimise/90x0{NAME}"),
        (f"/shop/assets/media/full/image{NAME}", f"/full{NAME}"),
        (f"{BASE}/full{NAME.replace('cat', '%63at')}", f"/full{NAME}"),
        # Names that would be redirected to those above.
        (f"{BASE}/full/DEV/shop/cat.jpg", f"/full{NAME}"),
        (f"{BASE}/original{NAME}", "/original/DEV/shop/cat.jpg"),
        # What was signed before.
        (f"{BASE}/full{NAME}?expires=1000000000&quality=5&signature=abc", f"/full{NAME}?quality=5"),
        # What no answer depends on stays.
        ("full?v=0123456789ab-0.25-1", f"/full{NAME}?v=0123456789ab-0.25-1"),
        ('full?download=caf%C3%A9 "1"#.webp&quality=5', f"/full{NAME}?quality=5&download=caf%C3%A9%20%221%22%23.webp"),
        ("full?download=caf\xe9.webp", f"/full{NAME}?download=caf%C3%A9.webp"),
        ("full?download=&v=", f"/full{NAME}"),
    ],
)
def test_an_address_is_signed_in_its_canonical_form_and_right_name(text: str, form: str) -> None:
    assert address(text, CAT) == form


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "'' is not the public address of an asset.", f"begins with {BASE}/"),
        ("thumb", "'thumb' is not the public address", "such as full"),
        ("Full", "'Full' is not the public address", "such as full"),
        (f"https://elsewhere.example.com/assets/media/full{NAME}", "is not the public address", "begins with"),
        (f"//media.example.com/shop/assets/media/full{NAME}", "is not the public address", "begins with"),
        (f"/assets/media/full{NAME}", "is not the public address", "begins with"),
        (f"{BASE}/full/../original{NAME}", "is not the public address", "begins with"),
        (f"{BASE}/whole{NAME}", "is not the public address", "begins with"),
        (f"{BASE}/full/DEV/shop/dog.webp", "is the address of another asset", NAME),
        (f"{BASE}/full/DEV/shop/cat.png", "is the address of another asset", NAME),
        ("optimise/9000x0", "width must be an integer from 1 to 8192", "Leave width out"),
        ("optimise/small", "'small' is neither a size nor a preset", "thumb"),
        ("optimise/200x", "'200x' is neither a size nor a preset", "thumb"),
        ("full?quality=high", "quality must be an integer", "Leave quality out"),
        ("full?qualty=5", "An address has no argument 'qualty'", "Did you mean 'quality'?"),
        ("full?accept=avif", "An address has no argument 'accept'", "It takes"),
        ("full?v=1", "v=1 is not a version", "versioned_url"),
        ("full?download=a/b", "download is not a valid file name", "percent-encoded"),
        # 300 bytes at most, of which each of these letters is three.
        ("full?download=" + "日" * 101, "download is not a valid file name", "percent-encoded"),
    ],
)
def test_what_is_no_address_of_the_asset_is_refused_with_a_reason(text: str, message: str, hint: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        address(text, CAT)
    assert message in refusal.value.message
    assert hint in (refusal.value.hint or "")


def test_a_name_that_another_asset_has_is_not_signed_for_this_one() -> None:
    # cat.jpg is an asset of its own, so `original` of this one is answered under its own name.
    assert address("original", CAT, others=[]) == f"/original{NAME}"
    with pytest.raises(BadRequest, match="is the address of another asset"):
        address(f"{BASE}/full/DEV/shop/cat.jpg", CAT, others=[])


def test_a_gif_can_be_asked_for_as_a_picture_of_another_name() -> None:
    gif = made_entry("wave.gif", "image/gif")
    assert other_names(gif) == ["/DEV/wave.webp"]
    assert address(f"{BASE}/optimise/90x0/DEV/wave.webp", gif) == "/optimise/90x0/DEV/wave.webp"
    assert address("optimise/90x0", gif) == "/optimise/90x0/DEV/wave.gif"
    assert address(f"{BASE}/original/DEV/wave.webp", gif) == "/original/DEV/wave.gif"
    with pytest.raises(BadRequest, match="is the address of another asset"):
        address(f"{BASE}/full/DEV/wave.webp", gif, others=[])


def test_only_forms_that_are_served_are_signed() -> None:
    few = replace(RULES, allowed=Allowed(PRESETS, only_presets=True))
    assert address("optimise/thumb", CAT, few) == f"/optimise/thumb{NAME}"
    with pytest.raises(BadRequest, match="Only presets are served here"):
        address("optimise/90x0", CAT, few)
    listed = replace(RULES, allowed=Allowed(PRESETS, sizes=("90x0",)))
    assert address("optimise/90x0", CAT, listed) == f"/optimise/90x0{NAME}"
    with pytest.raises(BadRequest, match="The size 91x0 is not served here"):
        address("optimise/91x0", CAT, listed)


def test_without_a_public_url_addresses_are_relative_to_the_host() -> None:
    relative = replace(RULES, base="/assets/media")
    assert address("full", CAT, relative) == f"/full{NAME}"
    assert address(f"/assets/media/full{NAME}", CAT, relative) == f"/full{NAME}"
    with pytest.raises(BadRequest, match="is not the public address"):
        address(f"https://media.example.com/assets/media/full{NAME}", CAT, relative)


@given(st.text(max_size=60) | st.text(max_size=30).map(lambda text: f"full?{text}") | st.text().map(BASE.__add__))
def test_any_text_is_signed_well_or_refused(text: str) -> None:
    with suppress(BadRequest):
        address(text, CAT)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "addresses is not a list of texts"),
        ({"addresses": []}, "addresses is not a list of texts"),
        ({"addresses": "full"}, "addresses is not a list of texts"),
        ({"addresses": ["full", 1]}, "addresses is not a list of texts"),
        ({"addresses": ["full", "x" * 2001]}, "more than 2000 characters"),
        ({"addresses": ["full"] * (ADDRESSES_MAX + 1)}, f"addresses has {ADDRESSES_MAX + 1} items"),
        ({"addresses": ["full"], "expires": 5}, "A request for signatures has no field 'expires'"),
    ],
)
def test_a_body_that_is_not_valid_is_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        read(body)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, 1e300, True, "60", SECONDS_MAX + 1, [], {}])
def test_a_time_that_is_not_valid_is_refused(wrong: object) -> None:
    with pytest.raises(BadRequest, match=f"whole number from 1 to {SECONDS_MAX}"):
        read({"addresses": ["full"], "expires_in": wrong})


def test_a_signature_has_an_end_only_if_one_is_sent() -> None:
    assert read({"addresses": ["full"]}) == read({"addresses": ["full"], "expires_in": None}) == Asked(["full"], None)
    assert read({"addresses": ["full"], "expires_in": SECONDS_MAX}).expires_in == SECONDS_MAX
    assert repr(read({"addresses": ["full"], "expires_in": 60.0}).expires_in) == "60"
