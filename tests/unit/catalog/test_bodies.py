from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.types import Message

from services.catalog.bodies import (
    CHANGE_FIELDS,
    UPLOAD_FIELDS,
    check_deletion,
    check_patch,
    form_warnings,
    namespace_of,
    read_json_list,
    read_json_object,
    text_list,
)
from services.core.assets import reading
from services.core.assets.addresses import Addresses
from services.core.assets.entries import SETTABLE, changed
from services.core.assets.facts import Facts
from services.core.errors import BadRequest, TooLarge, WrongContentType
from services.core.state import entry_json
from tests.support.entries import MakeEntry
from tests.support.older_service import OlderFile, converted, every_oddity


def sending(*chunks: bytes, content_type: str = "") -> Request:
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return Request({"type": "http", "method": "PATCH", "headers": [(b"content-type", content_type.encode())]}, receive)


async def test_a_json_object_is_read_however_it_arrives() -> None:
    assert await read_json_object(sending(b'{"expi', b'red": true}'), "{…}") == {"expired": True}


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"1", b"{", b"{'a': 1}", b"\xff", b"a=b", b"[" * 10_000])
async def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="The body is not a JSON object") as raised:
        await read_json_object(sending(body), '{"expired": true}')
    assert raised.value.hint == 'Send one, such as {"expired": true}.'


async def test_what_is_no_json_is_told_where_it_ends_to_be() -> None:
    with pytest.raises(BadRequest, match="line 2 column 3"):
        await read_json_object(sending(b'{"a": 1,\n  b: 2}'), "{…}")


async def test_a_json_body_of_more_than_a_megabyte_is_too_large() -> None:
    fits = b'{"information": "' + b"x" * (1024**2 - 19) + b'"}'
    assert len(fits) == 1024**2
    assert len((await read_json_object(sending(fits), "{…}"))["information"]) == 1024**2 - 19
    with pytest.raises(TooLarge):
        await read_json_object(sending(fits, b" "), "{…}")


async def test_a_list_of_json_objects_is_read_in_its_order() -> None:
    items = [{"uuid": str(number)} for number in range(1000)]
    assert await read_json_list(sending(orjson.dumps(items)), "[…]") == items


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"[1]", b'[{"uuid": "a"}, "b"]', b"[{}"])
async def test_what_is_no_list_of_json_objects_is_refused_with_an_example(body: bytes) -> None:
    with pytest.raises(BadRequest, match="The body is not a list of JSON objects") as raised:
        await read_json_list(sending(body), '[{"uuid": "…"}]')
    assert raised.value.hint == 'Send one, such as [{"uuid": "…"}].'


async def test_a_list_of_more_than_a_thousand_items_is_too_large() -> None:
    with pytest.raises(TooLarge):
        await read_json_list(sending(orjson.dumps([{}] * 1001)), "[…]")


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("a,b", ["a", "b"]),
        (" a , b ,", ["a", "b"]),
        ("a", ["a"]),
        ("", []),
        ([], []),
        (["a", " b "], ["a", "b"]),
    ],
)
def test_a_list_of_texts_is_a_list_or_comma_separated(value: object, texts: list[str]) -> None:
    assert text_list("uuids", value) == texts


@pytest.mark.parametrize("value", [None, 1, True, {"a": 1}, ["a", 1], [None]])
def test_what_is_no_list_of_texts_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="uuids must be a list of texts"):
        text_list("uuids", value)


def test_fields_of_a_form_that_have_no_effect_are_named(make_entry: MakeEntry) -> None:
    given = {"namespace": "DEV", "captoin": "x", "expiratoin_date": "2027-01-01", "k" * 100: "", "tags": "b"}
    assert list(form_warnings(given, {"tags", "captoin"}, UPLOAD_FIELDS, [make_entry()])) == [
        "The form has a field 'captoin', which is unknown and had no effect. Did you mean 'caption'?",
        "The form has a field 'expiratoin_date', which is unknown and had no effect. Did you mean 'expiration_date'?",
        f"The form has a field {'k' * 64!r}, which is unknown and had no effect.",
        "The form has more than one field 'tags': the last one counted.",
    ]
    assert list(form_warnings(dict.fromkeys(UPLOAD_FIELDS), (), UPLOAD_FIELDS, [])) == []


def test_a_form_may_have_all_that_an_entry_is_shown_with(make_entry: MakeEntry) -> None:
    older = make_entry()
    older.more["project"] = 7
    shown = entry_json.shown(older, Addresses("/assets/media")) | {"toWebp": "true", "message": "Item deleted"}
    assert list(form_warnings(shown, (), CHANGE_FIELDS, [make_entry("dog.jpg"), older])) == []
    [warning] = form_warnings(shown, (), CHANGE_FIELDS, [make_entry()])
    assert "'project'" in warning
    assert any("'version'" in warning for warning in form_warnings(shown, (), UPLOAD_FIELDS, [older]))


@pytest.mark.parametrize("strict", [True, False])
def test_the_fields_a_client_may_set_pass(make_entry: MakeEntry, strict: bool) -> None:
    check_patch(make_entry(), dict.fromkeys(SETTABLE, "anything") | {"toWebp": "false"}, strict=strict)


def test_a_client_may_send_back_a_whole_entry_that_it_read(make_entry: MakeEntry) -> None:
    entry = make_entry(information="x")
    check_patch(entry, entry_json.shown(entry, Addresses("/assets/media")) | {"expired": True}, strict=True)


def test_an_entry_from_before_other_changes_and_without_dates_may_be_sent_back(make_entry: MakeEntry) -> None:
    before = make_entry(information="x", content_date=None)
    entry = changed(before, expired=True)
    check_patch(entry, before.fields, strict=True)
    check_patch(entry, {**before.fields, "uploaded_date": None, "updated_date": None}, strict=True)
    for name in ("uploaded_date", "updated_date", "content_date"):
        with pytest.raises(BadRequest, match=f"{name} cannot be changed"):
            check_patch(entry, {name: "2999-01-01"}, strict=True)


@pytest.mark.parametrize("beside", [{"message": "Item deleted"}, {"catalogItemUrl": "/catalog/01-23"}])
def test_an_entry_may_be_sent_back_with_what_an_answer_shows_beside_it(
    make_entry: MakeEntry, beside: dict[str, str]
) -> None:
    entry = make_entry()
    check_patch(entry, {**entry.fields, **beside}, strict=True)
    check_deletion({**entry.fields, **beside})


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("application/json", BadRequest),
        ("application/json; charset=utf-8", BadRequest),
        ("", WrongContentType),
        ("text/plain", WrongContentType),
        ("multipart/form-data; boundary=x", WrongContentType),
    ],
)
async def test_what_is_no_json_and_does_not_say_so_has_the_wrong_type(
    content_type: str, kind: type[BadRequest]
) -> None:
    with pytest.raises(BadRequest) as raised:
        await read_json_object(sending(b"--x", content_type=content_type), "{…}")
    assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("given", "namespace"),
    [({}, None), ({"namespace": " DEV "}, "DEV"), ({"namespace": ""}, None), ({"namespace": 1}, None)],
)
def test_the_namespace_of_a_request_is_a_text(given: dict[str, object], namespace: str | None) -> None:
    assert namespace_of(given) == namespace


@pytest.mark.parametrize("nothing", [None, "", "null", "None"])
def test_a_whole_entry_from_before_its_facts_were_known_may_be_sent_back(
    make_entry: MakeEntry, nothing: object
) -> None:
    entry = make_entry()
    known = entry.with_facts(Facts(640, 427, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3"))
    for strict in (True, False) if nothing is None else (False,):
        check_patch(known, entry.fields | dict.fromkeys(Facts.__slots__, nothing), strict=strict)


def test_a_form_may_send_back_a_whole_entry_as_text(make_entry: MakeEntry) -> None:
    entry = make_entry()
    check_patch(entry, {name: str(value) for name, value in entry.fields.items()}, strict=False)


@pytest.mark.parametrize("strict", [True, False])
def test_the_addresses_of_other_settings_may_be_sent_back(make_entry: MakeEntry, strict: bool) -> None:
    entry = make_entry()
    for assets_url in ("https://media.example.com/prefix/assets/media", "/assets/media", "http://localhost:8080/media"):
        check_patch(entry, entry_json.shown(entry, Addresses(assets_url)), strict=strict)
    check_patch(entry, {"public_url": "http://localhost:8080/assets/media/full/image/DEV/cat.webp"}, strict=strict)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"uuid": "00000000-0000-5000-8000-000000000000"},
        {"version": 7},
        {"namespace": "PROD"},
        {"unique_name": "/DEV/dog.webp"},
        {"filename": "dog.webp"},
        {"destination": "elsewhere"},
        {"signature": "0" * 64},
        {"size": 1},
        {"storage_key": "DEV/dog.webp"},
        {"public_url": "https://elsewhere.example.com"},
        {"public_url": "https://media.example.com/assets/media/full/DEV/dog.webp"},
        {"public_url": None},
        {"base_url": 7},
        {"mimetype": "text/html"},
        {"width": 641},
        {"dominant_color": "#000000"},
    ],
)
def test_what_only_the_service_sets_cannot_be_changed(
    make_entry: MakeEntry, change: dict[str, Any], strict: bool
) -> None:
    with pytest.raises(BadRequest, match=f"{next(iter(change))} cannot be changed"):
        check_patch(make_entry(), {"expired": True, **change}, strict=strict)


def test_a_field_that_no_entry_has_is_refused_in_json_and_ignored_in_forms(make_entry: MakeEntry) -> None:
    with pytest.raises(BadRequest, match="An entry has no field 'expires'"):
        check_patch(make_entry(), {"expires": "2027-01-01"}, strict=True)
    check_patch(make_entry(), {"expires": "2027-01-01"}, strict=False)


@pytest.mark.parametrize("older", every_oddity(), ids=lambda older: older.entry["unique_name"])
def test_an_entry_as_the_older_service_showed_it_may_be_sent_back(older: OlderFile) -> None:
    entry = reading.read(older.entry, "2026-11-30T00:00:00.000+00:00")
    check_patch(entry, {**older.entry, "information": "new"}, strict=True)
    check_patch(entry, {name: str(value) for name, value in older.entry.items()}, strict=False)
    check_deletion(older.entry)


@pytest.mark.parametrize(
    ("name", "value"), [("version", "4"), ("uploaded_date", "2026-01-01"), ("mimetype", "image/png"), ("cms_ref", "x")]
)
def test_an_entry_of_the_older_service_with_other_values_is_refused(name: str, value: str) -> None:
    older = converted("/DEV/cat.webp", "cat.jpg", version="3", cms_ref="article-9")
    entry = reading.read(older.entry, "2026-11-30T00:00:00.000+00:00")
    with pytest.raises(BadRequest, match=f"{name} cannot be changed"):
        check_patch(entry, {**older.entry, name: value}, strict=True)
