"""Entries of other programs are read for what they mean."""

from dataclasses import fields, replace
from typing import Any

import pytest

from services.core.assets import identity, reading
from services.core.assets.entries import Entry, timestamp
from services.core.assets.reading import NotUnderstood
from services.core.state import entry_json
from tests.support.catalogs import an_entry, many
from tests.support.older_service import LEFT_OUT, PDF, converted, every_oddity, kept, not_understood, picture

NOW = "2026-11-30T00:00:00.000+00:00"
NOTHING = (None, "", " ", "null", "undefined", LEFT_OUT)


def read(**oddity: Any) -> Entry:
    """Read an entry of the older service that has this oddity."""
    return reading.read(converted("/DEV/shop/cat.webp", "cat.jpg", **oddity).entry, NOW)


def test_an_entry_of_the_older_service_is_complete_and_keeps_what_it_shows() -> None:
    older = converted("/DEV/shop/cat.webp", "cat.jpg", information="bulk", cms_ref="article-9")
    entry = reading.read(older.entry, NOW)
    same = (
        *("uuid", "version", "namespace", "unique_name", "filename", "original_filename", "external_id", "expired"),
        *("expiration_date", "information", "original_mimetype", "mimetype", "signature", "destination", "size"),
        *("original_size", "original_signature", "original_version", "cms_ref"),
    )
    assert {name: entry.fields[name] for name in same} == {name: older.entry[name] for name in same}
    assert entry.uploaded_date == "2025-11-29T20:03:44.680+00:00"
    assert (entry.key, entry.storage_key) == (identity.entry_key("/DEV/shop/cat.webp"), "DEV/shop/cat.webp")


def test_an_entry_of_this_service_is_read_as_it_is() -> None:
    for entry in [*many(20), replace(an_entry(), stored_mimetype="image/webp", original_version=2, more={"a": [1]})]:
        assert reading.read(entry.fields, NOW) == entry


@pytest.mark.parametrize("older", every_oddity(), ids=lambda older: older.entry["unique_name"])
def test_what_is_read_can_be_stored_and_read_again(older: Any) -> None:
    entry = reading.read(older.entry, NOW)
    assert entry_json.read(entry_json.write(entry)) == entry
    assert reading.read(entry.fields, timestamp()) == entry
    assert entry.uuid == older.entry["uuid"]


@pytest.mark.parametrize("bad", not_understood(), ids=lambda bad: bad["unique_name"])
def test_what_means_nothing_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood):
        reading.read(bad, NOW)


@pytest.mark.parametrize(
    ("given", "version"), [(3, 3), ("3", 3), (" 3 ", 3), (3.0, 3), ("3.0", 3), *((nothing, 1) for nothing in NOTHING)]
)
def test_a_number_may_be_a_text(given: object, version: int) -> None:
    assert read(version=given).version == version


@pytest.mark.parametrize("given", [0, -1, "0", "-1", "x", 1.5, True, False, [], {}, 2**53, "1e3", "²"])
def test_what_is_no_positive_number_is_no_version(given: object) -> None:
    with pytest.raises(NotUnderstood, match=r"^version must not be "):
        read(version=given)


@pytest.mark.parametrize("given", [True, "true", "True", " TRUE ", 1, "1", "yes", "on"])
def test_what_is_true_is_true(given: object) -> None:
    assert read(expired=given).expired is True


@pytest.mark.parametrize("given", [False, "false", "False", 0, "0", "no", "off", "", None, "null", LEFT_OUT])
def test_what_is_false_or_nothing_is_false(given: object) -> None:
    assert read(expired=given).expired is False


@pytest.mark.parametrize("given", ["maybe", 2, 1.0, [], {}])
def test_what_is_neither_is_refused(given: object) -> None:
    with pytest.raises(NotUnderstood, match=r"^expired must not be "):
        read(expired=given)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2030-01-01", "2030-01-01T00:00:00.000+00:00"),
        ("20300101", "2030-01-01T00:00:00.000+00:00"),
        ("2030-01-01T12:30", "2030-01-01T12:30:00.000+00:00"),
        ("2030-01-01 12:30:15", "2030-01-01T12:30:15.000+00:00"),
        ("2030-01-01T00:00:00.000Z", "2030-01-01T00:00:00.000+00:00"),
        ("2030-01-01T01:00:00+01:00", "2030-01-01T00:00:00.000+00:00"),
        (1893456000000, "2030-01-01T00:00:00.000+00:00"),
        ("1893456000000", "2030-01-01T00:00:00.000+00:00"),
        (1893456000, "2030-01-01T00:00:00.000+00:00"),
        *((nothing, None) for nothing in NOTHING),
    ],
)
def test_a_date_is_read_as_it_is_meant(given: object, meant: str | None) -> None:
    assert read(expiration_date=given).expiration_date == meant


@pytest.mark.parametrize("given", ["soon", "yesterday", "2030-13-01", "30/01/2030", True, [], {}, 1e300, 1e16])
def test_what_is_no_date_is_refused(given: object) -> None:
    with pytest.raises(NotUnderstood, match=r"^expiration_date must be a date, not "):
        read(expiration_date=given)


@pytest.mark.parametrize(
    ("uploaded", "updated", "dates"),
    [
        (LEFT_OUT, LEFT_OUT, (NOW, NOW)),
        (None, "", (NOW, NOW)),
        ("2025-01-01", LEFT_OUT, ("2025-01-01T00:00:00.000+00:00", "2025-01-01T00:00:00.000+00:00")),
        (LEFT_OUT, "2025-01-01", ("2025-01-01T00:00:00.000+00:00", "2025-01-01T00:00:00.000+00:00")),
    ],
)
def test_a_date_that_is_missing_is_the_other_one_or_today(uploaded: Any, updated: Any, dates: tuple[str, str]) -> None:
    entry = read(uploaded_date=uploaded, updated_date=updated)
    assert (entry.uploaded_date, entry.updated_date) == dates


@pytest.mark.parametrize(
    "name",
    ["Photo d'été (1).jpg", "test name forbidden.jpg", "a.b.c.jpg", 'say "cat".jpg', "猫.jpg", "Photo d'Ã©tÃ©.jpg"],
)
def test_the_name_of_an_upload_stays_as_people_typed_it(name: str) -> None:
    entry = read(original_filename=name)
    assert (entry.original_filename, entry.original_name) == (name, "/DEV/shop/cat.jpg")


@pytest.mark.parametrize(
    ("name", "kept_name"),
    [
        ("../../x.jpg", ".._.._x.jpg"),
        ("a\r\nb.jpg", "a__b.jpg"),
        ("C:\\x.jpg", "C:_x.jpg"),
        (LEFT_OUT, "cat.jpg"),
        ("", "cat.jpg"),
    ],
)
def test_a_name_that_could_lead_elsewhere_is_made_safe(name: Any, kept_name: str) -> None:
    assert read(original_filename=name).original_filename == kept_name


@pytest.mark.parametrize(
    ("typed", "folders"),
    [
        ("shop/2025", "shop/2025"),
        ("shop//2025/", "shop/2025"),
        ("/shop/", "shop"),
        ("été/mon dossier", "été/mon dossier"),
        ("", "shop"),
        (None, "shop"),
        (LEFT_OUT, "shop"),
        (7, "shop"),
    ],
)
def test_a_destination_is_read_without_slashes_that_mean_nothing(typed: Any, folders: str) -> None:
    assert read(destination=typed).destination == folders


def test_slashes_in_a_path_that_mean_nothing_are_left_out() -> None:
    entry = reading.read(converted("//DEV/shop//cat.webp", "cat.jpg").entry, NOW)
    assert (entry.unique_name, entry.storage_key, entry.filename) == (
        "/DEV/shop/cat.webp",
        "DEV/shop/cat.webp",
        "cat.webp",
    )
    assert entry.uuid == converted("//DEV/shop//cat.webp", "cat.jpg").entry["uuid"], "as its clients know it"


SPARE = ".0123456789abcdef"


@pytest.mark.parametrize("key", ["DEV/shop/cat.webp", f"DEV/shop/cat.webp{SPARE}"])
def test_the_storage_key_of_a_path_is_kept(key: str) -> None:
    assert read(storage_key=key).storage_key == key


@pytest.mark.parametrize("rest", [2 * SPARE, SPARE.upper(), f"{SPARE}\n", SPARE[:-1], ".", "/../x"])
def test_a_storage_key_that_is_not_of_the_path_is_refused(rest: str) -> None:
    for key in (f"DEV/shop/cat.webp{rest}", f"/DEV/shop/cat.webp{SPARE}", f"DEV/shop/dog.webp{SPARE}", SPARE, 7, None):
        with pytest.raises(NotUnderstood, match=r"^storage_key must not be "):
            read(storage_key=key)


@pytest.mark.parametrize("namespace", ["PROD", 7])
def test_a_namespace_that_is_not_that_of_the_path_is_refused(namespace: object) -> None:
    with pytest.raises(NotUnderstood, match=r"^namespace must not be "):
        read(namespace=namespace)


@pytest.mark.parametrize(("name", "value"), [("external_id", 42), ("information", ["a", 1]), ("external_id", True)])
def test_what_is_no_text_becomes_one(name: str, value: object) -> None:
    assert getattr(read(**{name: value}), name) in ("42", '["a", 1]', "true")


@pytest.mark.parametrize(
    ("original", "mimetype", "is_converted"),
    [
        ("image/jpeg", "image/webp", True),
        ("image/png", "image/webp", True),
        ("image/jpg", "IMAGE/WEBP", True),
        ("image/webp", "image/webp", True),
        ("image/jpeg", "image/jpeg", False),
    ],
)
def test_a_raster_picture_that_is_delivered_as_webp_is_converted(
    original: str, mimetype: str, is_converted: bool
) -> None:
    name = "cat.webp" if is_converted else "cat.jpg"
    older = converted(f"/DEV/{name}", "cat.jpg", original_mimetype=original, mimetype=mimetype)
    entry = reading.read(older.entry, NOW)
    assert entry.converted is is_converted
    assert entry.is_stored_as_delivered, "the older service stored what it delivered"
    assert entry.stored_type == mimetype.lower()


def test_of_a_picture_that_was_stored_as_it_was_uploaded_the_bytes_are_the_upload() -> None:
    older = converted("/DEV/cat.webp", "cat.jpg")
    stored = {**older.entry, "signature": older.entry["original_signature"]}
    entry = reading.read(stored, NOW)
    assert (entry.converted, entry.stored_type, entry.is_stored_as_delivered) == (True, "image/jpeg", False)


@pytest.mark.parametrize(
    "older", [kept("/DEV/a.pdf", PDF, "application/pdf"), kept("/DEV/a.gif", picture("GIF"), "image/gif")]
)
def test_what_is_not_converted_keeps_its_type(older: Any) -> None:
    entry = reading.read(older.entry, NOW)
    assert (entry.converted, entry.stored_type) == (False, older.entry["mimetype"])


@pytest.mark.parametrize("name", ["mimetype", "original_mimetype"])
@pytest.mark.parametrize("value", ["video/mp4", "text/html", 7, ["image/png"]])
def test_a_type_that_cannot_be_delivered_is_refused(name: str, value: object) -> None:
    with pytest.raises(NotUnderstood, match=rf"^{name} must not be "):
        read(**{name: value})


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_type_that_is_missing_follows_from_the_names(nothing: object) -> None:
    entry = read(mimetype=nothing, original_mimetype=nothing)
    assert (entry.mimetype, entry.original_mimetype) == ("image/webp", "image/webp")


@pytest.mark.parametrize("nothing", NOTHING)
def test_what_is_not_known_of_an_upload_may_be_left_out(nothing: object) -> None:
    entry = read(original_signature=nothing, original_version=nothing, original_size=nothing)
    assert (entry.original_signature, entry.original_version, entry.original_size) == (None, None, entry.size)


@pytest.mark.parametrize("value", [2**64, float("inf"), "\ud800", {"\ud800": 1}, {"a": [[[[["\ud800"]]]]]}])
def test_a_field_of_others_that_cannot_be_stored_is_refused(value: object) -> None:
    with pytest.raises(NotUnderstood):
        read(cms_ref=value)


def nested(depth: int) -> object:
    deep: object = 1
    for _ in range(depth):
        deep = [deep]
    return deep


def test_a_field_of_others_that_is_too_deep_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="nested more than"):
        read(cms_ref=nested(100))


def test_what_answers_show_beside_an_entry_is_no_part_of_it() -> None:
    entry = read(message="Item deleted", catalogItemUrl="/catalog/x")
    assert entry.more == {}


@pytest.mark.parametrize("name", sorted(field.name for field in fields(Entry)))
def test_whatever_field_is_too_deep_the_entry_is_refused(name: str) -> None:
    with pytest.raises(NotUnderstood):
        read(**{name: nested(1000)})


def test_a_value_that_is_too_deep_to_be_shown_is_named_by_its_type() -> None:
    with pytest.raises(NotUnderstood, match=r"^version must not be list$"):
        reading.number("version", nested(5000), 1)
