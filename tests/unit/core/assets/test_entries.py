from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import entries, identity
from services.core.assets.addresses import Addresses
from services.core.assets.entries import IF_KNOWN, StoredFile
from services.core.assets.facts import NO_FACTS, Facts
from services.core.errors import BadRequest, NotReplaceable
from services.core.state import entry_json
from tests.support.entries import MakeEntry, made_entry

PROMISED_FIELDS = {
    "uuid", "version", "namespace", "public_url", "unique_name", "filename", "original_filename", "base_url",
    "base_host", "external_id", "expired", "expiration_date", "information", "original_mimetype", "mimetype",
    "signature", "size", "original_size", "destination", "uploaded_date", "updated_date",
}  # fmt: skip
NOT_THE_SAME = "Mimetypes are not the same or conversion not allowed"
NOT_CONVERTED = "Replacement not allowed for files without conversion"


def test_an_entry_has_every_promised_field(make_entry: MakeEntry) -> None:
    assert entry_json.shown(make_entry(), Addresses("/assets/media")).keys() >= PROMISED_FIELDS


def test_an_entry_survives_being_stored(make_entry: MakeEntry) -> None:
    entry = make_entry(external_id="x-1", information="été", expiration_date="2027-01-01T00:00:00.000+00:00")
    assert entry_json.read(entry_json.write(entry)) == entry


def test_an_entry_that_was_stored_before_focal_points_and_facts_has_none(make_entry: MakeEntry) -> None:
    entry = make_entry(focus_x=0.1, focus_y=0.2).with_facts(Facts(640, 427, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3"))
    stored = orjson.loads(entry_json.write(entry))
    for name in ("focus_x", "focus_y", "width", "height", "blurhash", "dominant_color"):
        del stored[name]
    older = entry_json.read(orjson.dumps(stored))
    assert older == replace(entry.with_facts(NO_FACTS), focus_x=None, focus_y=None)


def test_a_storage_is_told_nothing_of_what_is_found_out_later(make_entry: MakeEntry) -> None:
    fields = make_entry(focus_x=0.1, focus_y=0.2).stored.fields
    assert (fields["focus_x"], fields["focus_y"]) == (0.1, 0.2)
    assert not fields.keys() & set(Facts.__slots__)


def test_a_new_entry_says_where_and_what_it_is(make_entry: MakeEntry) -> None:
    entry = make_entry("cat.jpg", destination="shop")
    assert entry.uuid == identity.asset_uuid("/DEV/shop/cat.webp")
    assert entry.version == 1
    assert entry.unique_name == "/DEV/shop/cat.webp"
    assert (entry.filename, entry.original_filename) == ("cat.webp", "cat.jpg")
    assert (entry.mimetype, entry.original_mimetype) == ("image/webp", "image/jpeg")
    assert (entry.size, entry.original_size) == (1234, 1234)
    assert entry.original_name == "/DEV/shop/cat.jpg"
    assert entry.expired is False
    assert datetime.fromisoformat(entry.uploaded_date).tzinfo is not None
    assert entry.uploaded_date == entry.updated_date


@pytest.mark.parametrize(("name", "kind"), [("a.pdf", "application/pdf"), ("a.svg", "image/svg+xml")])
def test_pdf_and_svg_keep_their_type(make_entry: MakeEntry, name: str, kind: str) -> None:
    entry = make_entry(name, kind)
    assert entry.mimetype == entry.original_mimetype == kind


def test_a_gif_keeps_its_name_and_its_type_unless_webp_is_asked_for(make_entry: MakeEntry) -> None:
    kept, converted = (make_entry("a.gif", "image/gif", convert=asked) for asked in (None, True))
    assert (kept.unique_name, kept.mimetype, kept.converted) == ("/DEV/a.gif", "image/gif", False)
    assert (converted.unique_name, converted.mimetype, converted.converted) == ("/DEV/a.webp", "image/webp", True)
    assert kept.original_name == converted.original_name == "/DEV/a.gif"


def test_without_conversion_the_type_stays(make_entry: MakeEntry) -> None:
    entry = make_entry("cat.png", "image/png", convert=False)
    assert (entry.mimetype, entry.filename, entry.original_name) == ("image/png", "cat.png", "/DEV/cat.png")


@pytest.mark.parametrize(
    ("expired", "date", "at", "is_expired"),
    [
        (False, None, "2100-01-01T00:00:00+00:00", False),
        (True, None, "2000-01-01T00:00:00+00:00", True),
        (False, "2027-01-31T18:00:00.000+00:00", "2027-01-31T17:59:59+00:00", False),
        (False, "2027-01-31T18:00:00.000+00:00", "2027-01-31T18:00:00+00:00", True),
        (False, "2027-01-31T18:00:00.000+00:00", "2027-01-31T18:00:01+01:00", False),
        (True, "2027-01-31T18:00:00.000+00:00", "2026-01-01T00:00:00+00:00", True),
    ],
)
def test_an_entry_expires_by_its_flag_or_to_the_second_by_its_date(
    make_entry: MakeEntry, expired: bool, date: str | None, at: str, is_expired: bool
) -> None:
    entry = make_entry(expired=expired, expiration_date=date)
    assert entry.is_expired(datetime.fromisoformat(at).timestamp()) is is_expired
    assert entry.is_visible(datetime.fromisoformat(at).timestamp()) is not is_expired


@pytest.mark.parametrize(
    ("fields", "at", "is_visible"),
    [
        ({}, "17:59:59.999", False),
        ({}, "18:00:00", True),
        ({"expired": True}, "18:00:00", False),
        ({"expiration_date": "2027-01-31T19:00:00.000+00:00"}, "18:59:59", True),
        ({"expiration_date": "2027-01-31T19:00:00.000+00:00"}, "19:00:00", False),
        ({"expiration_date": "2027-01-31T17:00:00.000+00:00"}, "18:00:00", False),
    ],
)
def test_an_entry_is_visible_from_its_date_until_it_expires(
    make_entry: MakeEntry, fields: dict[str, Any], at: str, is_visible: bool
) -> None:
    given = {"visible_from": "2027-01-31T19:00:00+01:00", **fields}
    entry = make_entry(**entries.parse_fields(given))
    assert entry.visible_from == "2027-01-31T18:00:00.000+00:00"
    assert entry.is_visible(datetime.fromisoformat(f"2027-01-31T{at}+00:00").timestamp()) is is_visible


@pytest.mark.parametrize(
    ("theirs", "read"),
    [("2027-01-31", "2027-01-31T00:00:00.000+00:00"), ("soon", None), ([1], None), ("", None), (None, None)],
)
def test_a_date_of_that_name_that_another_service_had_is_read_for_what_it_means(
    make_entry: MakeEntry, theirs: object, read: str | None
) -> None:
    stored = orjson.loads(entry_json.write(make_entry()))
    assert entry_json.read(orjson.dumps({**stored, "visible_from": theirs})).visible_from == read


def test_a_replaced_file_makes_the_next_version_under_the_same_path(make_entry: MakeEntry) -> None:
    old = make_entry("cat.jpg", information="kept")
    new = entries.with_file(old, StoredFile("image/png", "ab" * 32, 99, "DEV/cat.webp.1", 99), "png")
    assert new.version == 2
    assert (new.uuid, new.unique_name, new.filename) == (old.uuid, old.unique_name, old.filename)
    assert (new.original_filename, new.original_mimetype, new.mimetype) == ("cat.png", "image/png", "image/webp")
    assert (new.signature, new.size, new.original_size, new.storage_key) == ("ab" * 32, 99, 99, "DEV/cat.webp.1")
    assert (new.information, new.uploaded_date) == ("kept", old.uploaded_date)
    assert new.updated_date >= old.updated_date


@pytest.mark.parametrize(
    ("name", "then"), [("cat", "cat.png"), ("a.b.jpg", "a.b.png"), ("Photo d'été.jpg", "Photo d'été.png")]
)
def test_the_name_of_an_upload_changes_its_extension_alone(make_entry: MakeEntry, name: str, then: str) -> None:
    old = replace(make_entry("cat.jpg"), original_filename=name)
    new = entries.with_file(old, StoredFile("image/png", "ab" * 32, 99, "DEV/cat.webp.1", 99), "png")
    assert new.original_filename == then


def test_a_replaced_file_has_the_focal_point_of_the_last_one_and_none_of_its_facts(make_entry: MakeEntry) -> None:
    old = make_entry(focus_x=0.1, focus_y=0.2).with_facts(Facts(640, 427, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3"))
    new = entries.with_file(old, StoredFile("image/jpeg", "ab" * 32, 99, "DEV/cat.webp.1", 99), "jpeg")
    assert new.facts == NO_FACTS
    assert (new.focus_x, new.focus_y) == (0.1, 0.2)


def test_a_replaced_file_without_conversion_keeps_its_name(make_entry: MakeEntry) -> None:
    old = make_entry("cat.jpg", convert=False)
    new = entries.with_file(old, StoredFile("image/jpeg", "ab" * 32, 99, "DEV/cat.jpg.1", 99), "jpeg")
    assert new.original_filename == new.filename == "cat.jpg"
    assert new.original_name == new.unique_name


ALLOWED, REFUSED_TYPE, REFUSED_CONVERSION = None, NOT_THE_SAME, NOT_CONVERTED


@pytest.mark.parametrize(
    ("name", "kind", "convert", "new_type", "keep_type", "refusal"),
    [
        ("a.jpg", "image/jpeg", True, "image/jpeg", False, ALLOWED),
        ("a.jpg", "image/jpeg", True, "image/png", False, ALLOWED),
        ("a.jpg", "image/jpeg", True, "image/webp", False, ALLOWED),
        ("a.jpg", "image/jpeg", True, "image/gif", False, ALLOWED),
        ("a.jpg", "image/jpeg", True, "image/webp", True, ALLOWED),
        ("a.jpg", "image/jpeg", True, "image/png", True, REFUSED_TYPE),
        ("a.jpg", "image/jpeg", True, "image/svg+xml", False, REFUSED_TYPE),
        ("a.jpg", "image/jpeg", True, "application/pdf", False, REFUSED_TYPE),
        ("a.pdf", "application/pdf", True, "application/pdf", False, ALLOWED),
        ("a.pdf", "application/pdf", True, "application/pdf", True, ALLOWED),
        ("a.pdf", "application/pdf", True, "image/png", False, REFUSED_TYPE),
        ("a.pdf", "application/pdf", True, "image/svg+xml", False, REFUSED_TYPE),
        ("a.svg", "image/svg+xml", True, "image/svg+xml", False, ALLOWED),
        ("a.svg", "image/svg+xml", True, "image/webp", False, REFUSED_TYPE),
        ("a.jpg", "image/jpeg", False, "image/jpeg", False, ALLOWED),
        ("a.jpg", "image/jpeg", False, "image/jpeg", True, ALLOWED),
        ("a.jpg", "image/jpeg", False, "image/png", False, REFUSED_CONVERSION),
        ("a.png", "image/png", False, "image/webp", False, REFUSED_CONVERSION),
        ("a.png", "image/png", False, "application/pdf", False, REFUSED_CONVERSION),
        ("a.gif", "image/gif", None, "image/gif", False, ALLOWED),
        ("a.gif", "image/gif", None, "image/gif", True, ALLOWED),
        ("a.gif", "image/gif", None, "image/png", False, REFUSED_CONVERSION),
        ("a.gif", "image/gif", None, "image/webp", False, REFUSED_CONVERSION),
        ("a.gif", "image/gif", True, "image/gif", False, ALLOWED),
        ("a.gif", "image/gif", True, "image/jpeg", False, ALLOWED),
        ("a.gif", "image/gif", True, "image/gif", True, REFUSED_TYPE),
    ],
)
def test_what_may_replace_what(
    make_entry: MakeEntry,
    name: str,
    kind: str,
    convert: bool | None,
    new_type: str,
    keep_type: bool,
    refusal: str | None,
) -> None:
    entry = make_entry(name, kind, convert=convert)
    if refusal is None:
        entries.check_replaceable(entry, new_type, keep_type=keep_type)
        return
    with pytest.raises(NotReplaceable) as raised:
        entries.check_replaceable(entry, new_type, keep_type=keep_type)
    assert raised.value.message == refusal
    assert raised.value.status == 400


PAST, NOW, FUTURE = "2026-01-01T00:00:00.000+00:00", 1_780_000_000.0, "2030-01-01T00:00:00.000+00:00"


@pytest.mark.parametrize(
    ("before", "change", "expired"),
    [
        ({"expired": True, "expiration_date": PAST}, {"expiration_date": FUTURE}, False),
        ({"expired": True, "expiration_date": PAST}, {"expiration_date": None}, False),
        ({"expired": True, "expiration_date": PAST}, {"expiration_date": FUTURE, "expired": True}, True),
        ({"expired": True, "expiration_date": PAST}, {"information": "x"}, True),
        ({"expired": True}, {"expiration_date": FUTURE}, True),
        ({"expired": True, "expiration_date": FUTURE}, {"expiration_date": "2031-01-01T00:00:00.000+00:00"}, True),
        ({}, {"expired": True}, True),
        ({"expired": True}, {"expired": False}, False),
    ],
)
def test_a_later_date_revives_only_what_its_date_had_expired(
    make_entry: MakeEntry, before: dict[str, Any], change: dict[str, Any], expired: bool
) -> None:
    changed = entries.with_fields(make_entry(**before), change, NOW)
    assert changed.expired is expired


def test_changed_fields_change_nothing_else_but_the_date(make_entry: MakeEntry) -> None:
    old = replace(make_entry(), updated_date=PAST)
    new = entries.with_fields(old, {"information": "new", "external_id": "7"}, NOW)
    assert (new.information, new.external_id, new.version) == ("new", "7", 1)
    assert new.updated_date > old.updated_date
    assert replace(new, information=None, external_id=None, updated_date=PAST) == old


SECOND = "%Y-%m-%dT%H:%M:%S"


def second(date: str) -> str:
    return datetime.fromisoformat(date).strftime(SECOND)


def test_what_is_delivered_is_as_old_as_its_bytes_and_not_as_its_caption(make_entry: MakeEntry) -> None:
    old = replace(make_entry(), content_date=PAST)
    for fields in ({"information": "new"}, {"expired": True}, {"focus_x": None, "focus_y": None}):
        assert entries.with_fields(old, fields, NOW).delivered_since == PAST
    same = StoredFile(old.original_mimetype, old.signature, 99, "DEV/cat.webp.1", 99)
    assert entries.with_file(old, same, "jpg").delivered_since == PAST
    other = replace(same, signature="ab" * 32)
    assert entries.with_file(old, other, "jpg").delivered_since > PAST
    # A focal point moves what is cut.
    assert entries.with_fields(old, {"focus_x": 0.5, "focus_y": 0.5}, NOW).delivered_since > PAST


def test_no_two_versions_have_one_date(make_entry: MakeEntry) -> None:
    entry, seconds = make_entry(), set()
    for number in range(5):
        seconds.add(second(entry.delivered_since))
        stored = StoredFile("image/jpeg", f"{number:064x}", 99, f"DEV/cat.webp.{number}", 99)
        entry = entries.with_file(entry, stored, "jpg")
    assert len(seconds) == 5


def test_a_date_far_ahead_is_not_gone_by(make_entry: MakeEntry) -> None:
    for ahead in ("2100-01-01T00:00:00.000+00:00", "9999-12-31T23:59:59.999+00:00"):
        new = entries.changed(replace(make_entry(), content_date=ahead), focus_x=0.1, focus_y=0.1)
        assert new.delivered_since < "2100"


def test_an_entry_from_before_that_date_has_the_best_that_is_known(make_entry: MakeEntry) -> None:
    older = replace(make_entry(), content_date=None, uploaded_date=PAST, information="a caption since then")
    assert older.delivered_since == PAST
    assert entries.with_fields(older, {"information": "another"}, NOW).delivered_since == PAST
    replaced = replace(older, version=2)
    assert replaced.delivered_since == replaced.updated_date
    assert entries.with_fields(replaced, {"information": "another"}, NOW).delivered_since == replaced.updated_date


def test_no_fields_change_nothing(make_entry: MakeEntry) -> None:
    entry = make_entry()
    assert entries.with_fields(entry, {}, NOW) is entry


@pytest.mark.parametrize("value", [True, "true", "True", " TRUE ", "1", "yes", "on"])
def test_what_means_yes_is_true(value: object) -> None:
    assert entries.parse_fields({"expired": value}) == {"expired": True}


@pytest.mark.parametrize("value", [False, "false", "FALSE", "0", "no", "off"])
def test_what_means_no_is_false(value: object) -> None:
    assert entries.parse_fields({"expired": value}) == {"expired": False}


@pytest.mark.parametrize("value", ["", "maybe", "2", None, 1, 0, [], {}])
def test_what_means_neither_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="expired is not a boolean"):
        entries.parse_fields({"expired": value})


@pytest.mark.parametrize(
    ("given_date", "moment"),
    [
        ("2027-01-31T18:00:00+01:00", "2027-01-31T17:00:00+00:00"),
        ("2027-01-31T18:00:00Z", "2027-01-31T18:00:00+00:00"),
        ("2027-01-31T18:00:00.250Z", "2027-01-31T18:00:00.250+00:00"),
        ("2027-01-31T18:00:00", "2027-01-31T18:00:00+00:00"),
        ("2027-01-31", "2027-01-31T00:00:00+00:00"),
        (" 2027-01-31 ", "2027-01-31T00:00:00+00:00"),
    ],
)
def test_a_date_is_read_with_its_offset_or_as_utc(given_date: str, moment: str) -> None:
    parsed = entries.parse_fields({"expiration_date": given_date})["expiration_date"]
    assert datetime.fromisoformat(parsed) == datetime.fromisoformat(moment)
    assert datetime.fromisoformat(parsed).tzinfo is not None


@pytest.mark.parametrize("value", [None, "", "  ", "null"])
def test_no_date_is_none(value: object) -> None:
    assert entries.parse_fields({"expiration_date": value}) == {"expiration_date": None}


@pytest.mark.parametrize(
    "value", ["tomorrow", "31/01/2027", "2027-02-30", 1_800_000_000, True, [], "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_date_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="expiration_date is not a date"):
        entries.parse_fields({"expiration_date": value})


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 2),
        max_value=datetime(2999, 1, 1),
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_a_date_keeps_its_moment_to_the_millisecond_and_sorts_as_text(moment: datetime) -> None:
    parsed = entries.parse_date("expiration_date", moment.isoformat())
    assert parsed is not None
    assert abs(datetime.fromisoformat(parsed) - moment) < timedelta(milliseconds=1)
    assert parsed.endswith("+00:00")
    assert len(parsed) == len("2027-01-31T18:00:00.000+00:00")


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), ("", None), (None, None), (12, "12"), (1.5, "1.5"), ("null", "null")]
)
def test_texts_are_taken_as_they_are(value: object, text: str | None) -> None:
    assert entries.parse_fields({"external_id": value, "information": value}) == {
        "external_id": text,
        "information": text,
    }


@pytest.mark.parametrize("value", [True, [], {"a": 1}])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="information is not a text"):
        entries.parse_fields({"information": value})


@pytest.mark.parametrize(
    ("x", "y", "point"),
    [
        (0.25, 1, (0.25, 1.0)),
        ("0.25", "1", (0.25, 1.0)),
        (" .5 ", "1e-1", (0.5, 0.1)),
        (1 / 3, 0, (0.3333, 0.0)),
        (-0.0, "-0", (0.0, 0.0)),
        (None, None, (None, None)),
        ("", "null", (None, None)),
    ],
)
def test_a_focal_point_is_two_shares_or_none(x: object, y: object, point: tuple[float | None, float | None]) -> None:
    fields = entries.parse_fields({"focus_x": x, "focus_y": y})
    assert fields == {"focus_x": point[0], "focus_y": point[1]}
    assert "-" not in str(fields)


@pytest.mark.parametrize(
    "value",
    [True, [], {}, "x", "nan", float("nan"), float("inf"), "inf", -0.01, 1.01, "1.01", "0_1", "0,5", "\u0661", 10**400],
)
def test_what_is_no_share_is_refused(value: object) -> None:
    with pytest.raises(BadRequest, match="focus_x is not a number from 0 to 1"):
        entries.parse_fields({"focus_x": value, "focus_y": 0.5})


@pytest.mark.parametrize(
    "given_point",
    [{"focus_x": 0.5}, {"focus_y": 0.5}, {"focus_x": None}, {"focus_x": 0.5, "focus_y": None}, {"focus_y": ""}],
)
def test_one_coordinate_alone_is_no_focal_point(given_point: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match="focus_x and focus_y go together"):
        entries.parse_fields(given_point)


def test_fields_that_only_the_service_sets_are_not_taken() -> None:
    assert entries.parse_fields({"uuid": "x", "version": 9, "signature": "", "namespace": "PROD"}) == {}


def test_a_timestamp_is_iso_8601_with_an_offset() -> None:
    paris = datetime(2027, 1, 31, 18, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    assert entries.timestamp(paris) == "2027-01-31T17:00:00.123+00:00"
    assert abs(datetime.fromisoformat(entries.timestamp()) - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize("name", ["information", "external_id"])
def test_a_text_has_4096_bytes_at_most(name: str) -> None:
    entry = made_entry()
    for text in ("x" * 4096, "é" * 2048, "", None):
        entries.check_sizes({name: text}, None)
        assert getattr(entries.with_fields(entry, {name: text}, 0), name) == text
    for text in ("x" * 4097, "x" * 1_000_000):
        for check in (
            lambda: entries.check_sizes({name: text}),  # noqa: B023
            lambda: entries.with_fields(entry, {name: text}, 0),  # noqa: B023
        ):
            with pytest.raises(BadRequest, match=f"^{name} must be a text of 4096 bytes at most, not {len(text)}"):
                check()


def test_the_length_of_a_text_is_in_bytes() -> None:
    with pytest.raises(BadRequest, match="not 4098"):
        entries.check_sizes({"information": "é" * 2049})


def test_a_longer_text_that_an_entry_has_already_may_be_sent_back() -> None:
    old = made_entry(information="x" * 100_000)
    assert entries.with_fields(old, {"information": "x" * 100_000, "expired": True}, 0).expired
    with pytest.raises(BadRequest):
        entries.with_fields(old, {"information": "x" * 99_999}, 0)


def test_what_is_known_of_the_older_service_is_shown_as_long_as_the_file_is_the_one_from_there(
    make_entry: MakeEntry,
) -> None:
    usual = make_entry()
    assert not set(IF_KNOWN) & orjson.loads(entry_json.write(usual)).keys()
    assert not set(IF_KNOWN) & usual.stored.fields.keys()
    older = replace(usual, original_signature="5e" * 32, original_version=2, stored_mimetype="image/webp")
    assert entry_json.read(entry_json.write(older)) == older
    assert orjson.loads(entry_json.write(older))["original_version"] == 2
    assert set(IF_KNOWN) <= older.stored.fields.keys()
    assert entries.changed(older, information="new").original_version == 2
    replaced = entries.with_file(older, StoredFile("image/jpeg", "6f" * 32, 9, "DEV/cat.webp", 9), "jpg")
    assert (replaced.original_signature, replaced.original_version, replaced.stored_mimetype) == (None, None, None)


def test_an_entry_whose_stored_bytes_are_what_is_delivered_says_so_until_its_file_is_replaced(
    make_entry: MakeEntry,
) -> None:
    usual = make_entry("cat.png", "image/png")
    assert (usual.stored_type, usual.stored.media_type, usual.stored.converted) == ("image/png", "image/png", True)
    assert not usual.is_stored_as_delivered
    older = replace(usual, stored_mimetype="image/webp")
    assert (older.stored_type, older.stored.media_type, older.stored.converted) == ("image/webp", "image/webp", False)
    assert older.is_stored_as_delivered
    replaced = entries.with_file(older, StoredFile("image/png", "6f" * 32, 9, "DEV/cat.webp", 9), "png")
    assert not replaced.is_stored_as_delivered


@pytest.mark.parametrize(
    ("uploaded", "media_type", "extension"),
    [
        ("Photo d'été (1).JPG", "image/jpeg", "jpg"),
        ("a.b.c.png", "image/png", "png"),
        ("no extension", "image/png", "png"),
        ("Mr.T", "image/jpeg", "jpg"),
        ("x.y z", "image/webp", "webp"),
    ],
)
def test_the_name_of_the_original_is_an_address_whatever_people_typed(
    make_entry: MakeEntry, uploaded: str, media_type: str, extension: str
) -> None:
    entry = replace(make_entry(), original_filename=uploaded, original_mimetype=media_type)
    assert entry.original_name == f"/DEV/cat.{extension}"


@pytest.mark.parametrize(
    ("path", "uploaded", "converted"),
    [
        ("/DEV/menu.PDF", "menu.PDF", False),
        ("/DEV/cat.jpg", "cat.jpeg", False),
        ("/DEV/cat.WEBP", "cat.jpg", True),
        ("/DEV/cat.WEBP", "cat.webp", True),
    ],
)
def test_the_name_of_the_original_is_the_own_one_unless_that_ends_in_webp(
    make_entry: MakeEntry, path: str, uploaded: str, converted: bool
) -> None:
    entry = replace(make_entry(), unique_name=path, original_filename=uploaded, converted=converted)
    assert entry.original_name == path


def test_what_others_know_of_an_entry_is_stored_and_shown_with_it(make_entry: MakeEntry) -> None:
    known = {"cms_ref": "article-9", "labels": ["a", {"b": None}], "more": 1}
    entry = replace(make_entry(), more=known)
    raw = entry_json.write(entry)
    assert entry_json.read(raw) == entry
    shown = entry_json.shown(entry, Addresses("/assets/media"))
    assert {name: shown[name] for name in known} == known
    assert entry.stored.fields["cms_ref"] == "article-9"
    assert entries.changed(entry, information="new").more == known
