"""SVG documents: whether a file is one, and whether it may be drawn. Pure.

It must not be expensive to draw, and must not need other files. What is checked is UTF-8: `xml_text` makes it.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from xml.parsers import expat

from services.core.assets import xml_text
from services.core.assets.containers import Malformed

DEPTH_MAX = 200
ELEMENTS_MAX = 50_000
ENTITY_MAX = 2000
"""Characters. Editors define short names for namespaces as entities; nothing else needs them."""
_ENTITIES_MAX = 200
_EXPANDED_MAX = 4 * 1024 * 1024
"""Characters of all uses of one entity together, and of attributes beyond what the document itself has."""

_NAMES = ("svg", "http://www.w3.org/2000/svg svg")
_REFERRING = ("image", "feImage", "use", "tref", "mpath", "textPath", "linearGradient", "radialGradient", "pattern")
_EMBEDDED = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp)[;,]", re.IGNORECASE)

_NOT_READ = (expat.ExpatError, ValueError, LookupError)

RootHandler = Callable[[str, dict[str, str], int], None]


class _Reached(Exception):
    """The first element: the rest of the document is of no interest."""


def begins(head: bytes) -> bool:
    """Say whether the first element of a document is `svg`, after any comments and doctype.

    The head may be of any encoding, and must hold the whole first tag.
    """
    found: list[str] = []

    def reached(name: str, *_: object) -> None:
        found.append(name)

    parse_root(xml_text.beginning(head), reached, namespaces=True)
    return bool(found) and found[0] in _NAMES


def check(text: bytes) -> None:
    """Raise Malformed if an SVG is not well formed, refers to other files, or is built to be expensive."""
    parser = expat.ParserCreate("utf-8")
    depth = elements = entities = attributed = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements, attributed
        depth, elements = depth + 1, elements + 1
        # Those that the doctype gives to each element count, too.
        attributed += sum(map(len, attributes.values()))
        if attributed > len(text) + _EXPANDED_MAX:
            raise Malformed("grows too large when it is read")
        if depth > DEPTH_MAX:
            raise Malformed(f"is nested more than {DEPTH_MAX} deep")
        if elements > ELEMENTS_MAX:
            raise Malformed(f"has more than {ELEMENTS_MAX} elements")
        local = name.rpartition(":")[2]
        if local == "include":
            raise Malformed("includes other files")
        for key, value in attributes.items():
            if key.rpartition(":")[2] == "href" and local in _REFERRING and not _is_inside(value):
                raise Malformed("refers to other files")

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(
        name: str,
        parameter: bool,
        value: str | None,
        base: str | None,
        system: str,
        public: str | None,
        notation: str | None,
    ) -> None:
        nonlocal entities
        entities += 1
        if parameter or value is None or system or "&" in value or "%" in value or len(value) > ENTITY_MAX:
            raise Malformed("defines entities that are not short texts")
        if entities > _ENTITIES_MAX or text.count(b"&" + name.encode() + b";") * len(value) > _EXPANDED_MAX:
            raise Malformed("grows too large when it is read")

    def instruction(target: str, data: str) -> None:
        if target == "xml-stylesheet":
            raise Malformed("refers to other files")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler, parser.ProcessingInstructionHandler = entity, instruction
    try:
        parser.Parse(text, True)
    except _NOT_READ as error:
        raise Malformed(f"is not well formed ({error})") from None


def parse_root(text: bytes, reached: RootHandler, *, namespaces: bool = False) -> None:
    """Call a handler with the name and the attributes of the first element, and where it begins; read no further.

    It is not called when there is none.
    """
    parser = expat.ParserCreate("utf-8", " " if namespaces else None)

    def start(name: str, attributes: dict[str, str]) -> None:
        reached(name, attributes, parser.CurrentByteIndex)
        raise _Reached

    parser.StartElementHandler = start
    with suppress(_Reached, *_NOT_READ):
        parser.Parse(text, False)


def _is_inside(reference: str) -> bool:
    reference = reference.strip()
    return not reference or reference.startswith("#") or _EMBEDDED.match(reference) is not None
