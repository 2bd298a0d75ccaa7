"""Tickets without Redis: what is sealed, what is refused, and what one allows."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.tickets import asking, ticket, using
from services.catalog.tickets.asking import Allowed
from services.catalog.tickets.refusals import for_page
from services.catalog.tickets.ticket import Terms, Ticket
from services.catalog.uploads.conflicts import OnConflict
from services.catalog.uploads.forms import OVERHEAD
from services.core.errors import (
    AlreadyExists,
    BadRequest,
    FileTooLarge,
    Forbidden,
    NamespaceForbidden,
    NoEntry,
    QuotaExceeded,
    SignatureMismatch,
    StorageDown,
    TadaError,
    TicketInvalid,
    TypeUnauthorized,
)
from tests.support.catalogs import an_entry

KEY, OTHER = "k" * 32, "o" * 32
TERMS = Terms(
    namespace="DEV",
    destination="avatars",
    max_size=1000,
    media_types=("image/png", "image/jpeg"),
    fields={"tags": ["avatar"], "title": "Été"},
    may_set=("alt", "destination"),
    on_conflict=OnConflict.RENAME,
    uses=3,
)
TICKET = Ticket("an-id", ticket.maker_of(b"digest", KEY), 1_800_000_000, TERMS)
TEXT = ticket.sealed(TICKET, KEY)
ALLOWED = Allowed(("DEV", "PROD"), ("image/png", "image/jpeg"), 10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterTerms(Terms):
    """What a later version of the service may write into a ticket."""

    only_at_night: bool = True


async def nothing(_: object) -> None:
    """Stand for the count of a use."""


def refused(text: str, *keys: str) -> bool:
    try:
        ticket.opened(text, keys or (KEY,))
    except TicketInvalid:
        return True
    return False


def test_a_ticket_opens_as_it_was_made_with_its_key_or_an_older_one() -> None:
    assert ticket.opened(TEXT, [KEY]) == (TICKET, KEY)
    assert ticket.opened(TEXT, [OTHER, KEY]) == (TICKET, KEY)
    assert refused(TEXT, OTHER)
    with pytest.raises(TicketInvalid):
        ticket.opened(TEXT, [])


def test_a_change_of_any_character_ends_it() -> None:
    alphabet = "ABYZabyz0189-_.=+/ "
    for at in range(len(TEXT)):
        for character in alphabet:
            if character != TEXT[at]:
                assert refused(TEXT[:at] + character + TEXT[at + 1 :]), (at, character)
        assert refused(TEXT[:at])
        assert refused(TEXT[:at] + TEXT[at + 1 :])
    assert refused(TEXT + "A")
    assert refused(f"{TEXT}.")


def _sealed_by_another_way() -> list[str]:
    head, _, seal = TEXT.rpartition(".")
    version, _, claims = head.partition(".")
    header = urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    return [
        "",
        ".",
        "..",
        f"{head}.",
        f"{head}.none",
        f"{header}.{claims}.",
        f"{header}.{claims}.{seal}",
        f"t0.{claims}.{seal}",
        f"T1.{claims}.{seal}",
        f"{claims}.{seal}",
        f"{version}.{claims}.{seal}.{seal}",
        f"{version}..{claims}.{seal}",
        f"{version}.{claims}.{ticket.maker_of(b'digest', KEY)}",
        TEXT.replace("t1", "t①"),
        "é" * 100,
        "A" * 100_000,
        f"{TEXT}\0",
    ]


@pytest.mark.parametrize("text", _sealed_by_another_way(), ids=range(len(_sealed_by_another_way())))
def test_nothing_else_is_a_ticket(text: str) -> None:
    assert refused(text)


@given(st.text(max_size=300))
def test_no_text_that_was_made_up_is_one(text: str) -> None:
    assert refused(text)


def test_terms_that_a_later_version_has_are_not_ignored() -> None:
    later = LaterTerms(namespace="DEV", max_size=1000)
    assert refused(ticket.sealed(replace(TICKET, terms=later), KEY))


def test_a_ticket_tells_nothing_of_the_token_that_made_it() -> None:
    assert ticket.maker_of(b"digest", KEY) != ticket.maker_of(b"digest", OTHER)
    assert len({ticket.maker_of(bytes([number]), KEY) for number in range(200)}) == 200


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"namespace": "DEV"}, Terms(namespace="DEV", max_size=10_000)),
        (
            {"namespace": " DEV ", "destination": "/a/b/", "filename": "cat", "max_size": 5, "uses": 2},
            Terms(namespace="DEV", destination="a/b", filename="cat", max_size=5, uses=2),
        ),
        (
            {
                "namespace": "PROD",
                "media_types": ["image/jpg", "image/jpeg"],
                "on_conflict": "skip",
                "may_set": ["alt"],
            },
            Terms(
                namespace="PROD",
                max_size=10_000,
                media_types=("image/jpeg",),
                may_set=("alt",),
                on_conflict=OnConflict.SKIP,
            ),
        ),
        (dict.fromkeys(asking.TERMS) | {"namespace": "DEV"}, Terms(namespace="DEV", max_size=10_000)),
    ],
)
def test_what_is_asked_for_is_what_the_ticket_says(wanted: dict[str, Any], expected: Terms) -> None:
    asked = asking.read(wanted, ALLOWED, None)
    assert (asked.terms, asked.expires_in) == (expected, asking.EXPIRES_IN)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "has no namespace"),
        ({"namespace": 5}, "namespace is not a text"),
        ({"namespace": "DEV", "destinations": "a"}, "no field 'destinations'"),
        ({"namespace": "DEV", "destination": "a/../b"}, "not a folder path"),
        ({"namespace": "DEV", "destination": ["a"]}, "destination is not a text"),
        ({"namespace": "DEV", "filename": "../cat.jpg"}, "has a path"),
        ({"namespace": "DEV", "max_size": 10_001}, "max_size"),
        ({"namespace": "DEV", "max_size": 0}, "max_size"),
        ({"namespace": "DEV", "max_size": True}, "max_size"),
        ({"namespace": "DEV", "max_size": "5mb"}, "max_size"),
        ({"namespace": "DEV", "media_types": []}, "media_types"),
        ({"namespace": "DEV", "media_types": ["image/svg+xml"]}, "media_types"),
        ({"namespace": "DEV", "media_types": {"image/png": 1}}, "media_types"),
        ({"namespace": "DEV", "fields": {"uuid": "x"}}, "cannot have 'uuid'"),
        ({"namespace": "DEV", "fields": {"expired": "perhaps"}}, "expired"),
        ({"namespace": "DEV", "fields": {"toWebp": "perhaps"}}, "toWebp"),
        ({"namespace": "DEV", "fields": {"title": "x" * 5000}}, "title"),
        ({"namespace": "DEV", "fields": []}, "fields"),
        ({"namespace": "DEV", "may_set": ["storage_key"]}, "cannot have 'storage_key'"),
        ({"namespace": "DEV", "may_set": [5]}, "may_set"),
        ({"namespace": "DEV", "on_conflict": "overwrite"}, "on_conflict"),
        ({"namespace": "DEV", "on_conflict": []}, "on_conflict"),
        ({"namespace": "DEV", "expires_in": 0}, "expires_in"),
        ({"namespace": "DEV", "expires_in": 86_401}, "expires_in"),
        ({"namespace": "DEV", "uses": 101}, "uses"),
        ({"namespace": "DEV", "uses": 1.5}, "uses"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(wanted: dict[str, Any], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        asking.read(wanted, ALLOWED, None)


def test_a_ticket_for_a_replacement_is_for_that_asset() -> None:
    entry = an_entry()
    terms = asking.read({"uuid": entry.uuid, "may_set": ["alt"]}, ALLOWED, entry).terms
    assert (terms.namespace, terms.uuid, terms.uploaded_date) == ("DEV", entry.uuid, entry.uploaded_date)
    for name, value in (
        ("destination", "a"),
        ("filename", "cat"),
        ("on_conflict", "skip"),
        ("may_set", ["destination"]),
    ):
        with pytest.raises(BadRequest):
            asking.read({"uuid": entry.uuid, name: value}, ALLOWED, entry)
    with pytest.raises(BadRequest, match="not in namespace"):
        asking.read({"uuid": entry.uuid, "namespace": "PROD"}, ALLOWED, entry)
    with pytest.raises(NamespaceForbidden):
        asking.read({"uuid": entry.uuid}, replace(ALLOWED, namespaces=("PROD",)), entry)


@pytest.mark.parametrize(
    ("terms", "sent", "place"),
    [
        ({}, {}, ("avatars", None)),
        ({}, {"filename": "me.png", "namespace": "DEV"}, ("avatars", "me.png")),
        ({"filename": "cat"}, {}, ("avatars", "cat")),
        ({}, {"destination": "avatars"}, ("avatars", None)),
        ({}, {"destination": "/avatars/2026/"}, ("avatars/2026", None)),
        ({"destination": None}, {"destination": "anywhere"}, ("anywhere", None)),
        ({"destination": "DEV"}, {"destination": "anywhere"}, ("anywhere", None)),
    ],
)
def test_a_page_chooses_what_the_ticket_leaves_to_it(
    terms: dict[str, Any], sent: dict[str, Any], place: tuple[str, str | None]
) -> None:
    wish = using.wish(replace(TERMS, **terms), sent, nothing)
    assert (wish.namespace, wish.destination, wish.filename, wish.on_conflict) == ("DEV", *place, OnConflict.RENAME)
    assert wish.fields == {"tags": ["avatar"], "title": "Été"}


@pytest.mark.parametrize(
    ("terms", "sent"),
    [
        ({}, {"namespace": "PROD"}),
        ({}, {"destination": "avatars2"}),
        ({}, {"destination": "other"}),
        ({}, {"destination": "avatars/../other"}),
        ({}, {"destination": "avatars/./x"}),
        ({}, {"destination": "avatars//other"}),
        ({}, {"destination": "DEV"}),
        ({}, {"destination": ".."}),
        ({}, {"destination": "avatars\\..\\other"}),
        ({"may_set": ()}, {"destination": "avatars/x"}),
        ({"filename": "cat"}, {"filename": "dog"}),
        ({}, {"title": "mine"}),
        ({}, {"tags": "mine"}),
        ({}, {"toWebp": "false"}),
        ({}, {"expiration_date": "2030-01-01"}),
        ({}, {"external_id": "1"}),
        ({}, {"meta": "{}"}),
    ],
)
def test_a_page_gets_nothing_that_the_ticket_does_not_say(terms: dict[str, Any], sent: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        using.wish(replace(TERMS, **terms), sent, nothing)


@given(st.text(alphabet="avtrs/.\\ DE%é\x00", max_size=30))
def test_no_destination_leads_out_of_the_folder_of_the_ticket(text: str) -> None:
    try:
        wish = using.wish(TERMS, {"destination": text}, nothing)
    except BadRequest:
        return
    assert wish.destination is not None
    assert wish.destination == "avatars" or wish.destination.startswith("avatars/")


def test_size_and_type_are_those_of_the_ticket() -> None:
    using.check_file(TERMS, 1000, "image/png")
    for size, media_type, error in (
        (1001, "image/png", FileTooLarge),
        (1, "image/webp", TypeUnauthorized),
        (1, None, TypeUnauthorized),
    ):
        with pytest.raises(error):
            using.check_file(TERMS, size, media_type)
    with pytest.raises(FileTooLarge):
        using.check_length(TERMS, str(1000 + OVERHEAD + 1))
    using.check_length(TERMS, "")


@pytest.mark.parametrize(
    "error",
    [
        AlreadyExists("/DEV/secret/cat.webp", "4ff1", "holiday.jpg (image/jpeg)"),
        NamespaceForbidden("DEV", ("SECRET",)),
        Forbidden("The token 'cms' may not write in namespace 'DEV'.", "It may write in: SECRET."),
        NoEntry("4ff1"),
        FileTooLarge(100),
        QuotaExceeded("SECRET", "bytes", 5, 6, 2),
        StorageDown("The upload cannot be stored: No space left on /secret."),
        SignatureMismatch("The stored bytes of /DEV/secret do not match.", "Upload it again."),
        BadRequest("The form has no file.", "Send it as a file part named 'file': curl -F 'file=@cat.jpg'."),
        BadRequest("The storage has a file.", "Catalogue it with POST /catalog."),
        BadRequest("The form has more files.", "Raise PAYLOAD_MAX_FILES."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_page_is_told_nothing_of_the_inside(error: TadaError) -> None:
    told = for_page(error)
    text = f"{told.message} {told.hint} {told.subject.known()}"
    for inside in ("secret", "SECRET", "cms", "4ff1", "holiday", "PAYLOAD", "POST", "PATCH", "curl"):
        assert inside not in text
    assert (told.status, told.retry_after) == (403 if isinstance(error, NoEntry) else error.status, error.retry_after)
