"""What people say of an asset: title, alt text, caption, credit, tags, and an object of the client's own. Pure.

No delivered answer depends on any of it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from services.core.errors import BadRequest

TEXTS = ("title", "alt", "caption", "credit")
FIELDS = (*TEXTS, "tags", "meta")

TAGS_MAX = 64
TAG_LENGTH = 128
"""Characters of the longest tag."""
META_BYTES = 4096
"""Bytes of the longest `meta`, as JSON. The public reads the whole list, with all of them."""
META_DEPTH = 16
"""How many lists and objects may be in each other."""

_TEXT_TYPES = (str, type(None))


def parse_tags(value: object) -> list[str]:
    """Read tags from JSON (a list) or from a form (comma separated, or a list as JSON), each once, in their order.

    null and the empty text mean none. A text that begins like a list but is no JSON is comma separated. Raises
    BadRequest.
    """
    value = _of_form(value, "[")
    if isinstance(value, str):
        value = value.split(",")
    given = [] if value is None else value
    if not isinstance(given, list) or not all(isinstance(tag, str) for tag in given):
        raise BadRequest("tags is not a list of texts.", 'Send a list such as ["summer", "beach"], or summer,beach.')
    return _distinct(given)


def parse_meta(value: object) -> dict[str, Any]:
    """Read `meta` from JSON (an object) or from a form (an object as JSON); null and the empty text mean none.

    Raises BadRequest.
    """
    value = _of_form(value, "{")
    given = {} if value is None else value
    if not isinstance(given, dict):
        raise BadRequest("meta is not a JSON object.", 'Send an object such as {"shop": 4711}.')
    return given


def size_problem(name: str, value: Any) -> str:
    """Return what is wrong with the size of tags or `meta`; empty if nothing is, and for other fields."""
    if name == "tags" and len(value) > TAGS_MAX:
        return f"tags has {len(value)} tags, and may have {TAGS_MAX}."
    if name == "tags" and (long := next((tag for tag in value if len(tag) > TAG_LENGTH), None)):
        return f"The tag {long[:TAG_LENGTH]!r}… has {len(long)} characters, and may have {TAG_LENGTH}."
    if name == "meta" and _is_deeper(value, META_DEPTH):
        return f"meta is nested more than {META_DEPTH} deep."
    if name == "meta" and (size := len(_written(value))) > META_BYTES:
        return f"meta has {size} bytes as JSON, and may have {META_BYTES}."
    return ""


def read(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return these fields of an entry that another program has written, for what they mean. Nothing is refused.

    For that program they may have been fields of its own, with any values: what is no text is kept as JSON, and a
    `meta` that is no object is kept inside one.
    """
    return {
        **{name: text(given.get(name)) for name in TEXTS},
        "tags": _read_tags(given.get("tags")),
        "meta": _read_meta(given.get("meta")),
    }


def text(value: object) -> str | None:
    """Read a text of a client. The older service took whatever there was: what is no text is kept as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def are_typed(stored: Mapping[str, Any]) -> bool:
    """Say whether a stored entry has these fields as this service writes them, as far as it has them."""
    tags = stored.get("tags", [])
    return (
        type(tags) is list
        and all(type(tag) is str for tag in tags)
        and type(stored.get("meta", {})) is dict
        and all(type(stored.get(name, "")) in _TEXT_TYPES for name in TEXTS)
    )


def _read_tags(value: object) -> list[str]:
    if isinstance(value, list):
        return _distinct(text(tag) or "" for tag in value)
    return _distinct((text(value) or "").split(","))


def _read_meta(value: object) -> dict[str, Any]:
    if value is None or value == "":
        return {}
    return value if isinstance(value, dict) else {"meta": text(value)}


def _of_form(value: object, begins: str) -> object:
    """Return what a text stands for: None for nothing, and JSON if it is some that begins like that."""
    if not isinstance(value, str):
        return value
    said = value.strip()
    if said in ("", "null"):
        return None
    try:
        return _read(said) if said.startswith(begins) else value
    except (ValueError, RecursionError):
        return value


def _read(text: str) -> object:
    """Read JSON; raises ValueError also for what cannot be written as JSON in UTF-8 with numbers of 64 bits."""
    found = json.loads(text, parse_int=_integer)
    _written(found)
    return found


def _integer(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**64:
        raise ValueError
    return number


def _written(value: object) -> bytes:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def _distinct(tags: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(found for tag in tags if (found := tag.strip())))


def _is_deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    if inner is None:
        return False
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)
