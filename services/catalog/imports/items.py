"""What a client wants imported: files at addresses, and what their assets are to be like. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.catalog.bodies import UPLOAD_FIELDS, namespace_of
from services.catalog.middleware.arguments import NAME_MAX
from services.catalog.uploads.conflicts import read_on_conflict
from services.catalog.uploads.given import to_webp
from services.catalog.uploads.uploads import Wish
from services.core.assets import entries, media_types, names
from services.core.errors import BadRequest, NoNamespace, Subject, TadaError
from services.core.near_names import nearest
from services.core.outward import urls
from services.core.outward.addresses import Allowed
from services.core.outward.urls import Url

ITEMS_MAX = 300
FIELDS = ("url", *UPLOAD_FIELDS, "on_conflict")
EXAMPLE = '{"items": [{"url": "https://cms.example.com/cat.jpg", "namespace": "DEV"}]}'
_TEXTS = ("destination", "filename")


@dataclass(frozen=True, slots=True)
class Item:
    """One file of an import."""

    url: Url
    wish: Wish


def read_body(body: Mapping[str, Any], allowed: Allowed) -> tuple[list[dict[str, Any]], list[Item]]:
    """Return the items of a body, as they were sent and as they are read. An item may be sent alone.

    Raises the first TadaError, about its item: nothing is imported unless all of it is understood.
    """
    given = [dict(body)] if "url" in body else body.get("items")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise BadRequest("items is not a list of JSON objects.", f"Send {EXAMPLE}.")
    if unknown := next((name for name in body if "url" not in body and name != "items"), None):
        raise BadRequest(f"An import has no field {unknown[:NAME_MAX]!r}.", f"Send {EXAMPLE}.")
    if len(given) > ITEMS_MAX:
        raise BadRequest(f"An import has {ITEMS_MAX} items at most, and these are more.", "Send several imports.")
    return given, [_numbered(at, one, allowed) for at, one in enumerate(given)]


def read_item(given: Mapping[str, Any], allowed: Allowed) -> Item:
    """Read one item; raises OutwardRefused, NoNamespace and other BadRequests."""
    for name in given:
        if name not in FIELDS:
            meant = nearest(name, FIELDS)
            hint = f"Did you mean {meant!r}?" if meant else f"It takes: {', '.join(FIELDS)}."
            raise BadRequest(f"An item has no field {name[:NAME_MAX]!r}.", hint)
    url = given.get("url")
    if not isinstance(url, str):
        raise BadRequest("url is not a text.", "Send the address of a file, such as https://cms.example.com/cat.jpg.")
    namespace = namespace_of(given)
    if namespace is None:
        raise NoNamespace("The item has no namespace.", "Send the field namespace, such as DEV.")
    destination, filename = (_text(name, given.get(name)) for name in _TEXTS)
    names.safe_destination(namespace, destination)
    if filename:
        names.split_name(filename, media_types.JPEG)  # Nothing that it refuses depends on the type.
    fields = entries.parse_fields(dict(given))
    entries.check_sizes(fields)
    wish = Wish(namespace, destination, filename, to_webp(given), fields, read_on_conflict(given))
    return Item(urls.read(url, allowed), wish)


def _numbered(at: int, given: Mapping[str, Any], allowed: Allowed) -> Item:
    try:
        return read_item(given, allowed)
    except TadaError as error:
        raise error.about(Subject(index=at)) from error


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    raise BadRequest(f"{name} is not a text.", "Send a string, or leave it out.")
