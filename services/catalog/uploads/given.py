"""What the fields of a form mean for an upload. Pure."""

from collections.abc import Mapping
from typing import Any

from services.catalog.bodies import PLACE
from services.catalog.uploads.forms import Form
from services.core.assets import descriptions, entries
from services.core.errors import NoFile

_IF_CHOSEN = ("expired", *PLACE)
_NO_TEXT = ("", "null")
NO_OBJECT = "[object Object]"
"""The text that a browser makes of an object: what was in it is lost."""


def need_files(form: Form, name: str) -> None:
    """Raise NoFile for a form without a file; `name` is that of its part."""
    if not form.files:
        raise NoFile("The form has no file.", f"Send it as a file part named {name!r}: curl -F '{name}=@cat.jpg'.")


def fields_of(form: Form) -> dict[str, Any]:
    """Return the text fields of a form, and of repeated tags a list of all; raises BadRequest for tags.

    Some fields are left out if they are empty: forms send them if nobody has chosen a value. A browser that sends an
    entry back makes texts of its values: "null" is no text, and a `meta` that is lost is left out.
    """
    found: dict[str, Any] = {
        name: value for name, value in form.fields.items() if name not in _IF_CHOSEN or value.strip()
    }
    found |= {name: None for name in entries.TEXTS if name in found and found[name].strip() in _NO_TEXT}
    if lost_meta(form):
        del found["meta"]
    if texts := form.repeated.get("tags"):
        found["tags"] = [tag for text in texts for tag in descriptions.parse_tags(text)]
    return found


def lost_meta(form: Form) -> bool:
    """Say whether the form has only what a browser leaves of `meta`."""
    return form.fields.get("meta", "").strip() == NO_OBJECT


def to_webp(fields: Mapping[str, Any]) -> bool | None:
    """Return what `toWebp` says, None if it says nothing; raises BadRequest."""
    said = fields.get("toWebp")
    return None if said is None or said == "" else entries.parse_bool("toWebp", said)
