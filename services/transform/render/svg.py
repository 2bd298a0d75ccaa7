"""Whether an SVG may be drawn. It must not be expensive to draw, and must not need other files. Pure."""

import re
from xml.parsers import expat

from services.core.errors import Undecodable

DEPTH_MAX = 200
ELEMENTS_MAX = 50_000
ENTITY_MAX = 2000
"""Characters. Editors define short names for namespaces as entities; nothing else needs them."""

_REFERRING = ("image", "feImage", "use", "tref", "mpath", "textPath", "linearGradient", "radialGradient", "pattern")
_EMBEDDED = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp)[;,]", re.IGNORECASE)
_HINT = "Upload a plain SVG that contains everything it shows."


class _Refused(Exception):
    pass


def check(source: bytes) -> None:
    """Raise Undecodable if an SVG is not well formed, refers to other files, or is built to be expensive."""
    parser = expat.ParserCreate()
    depth = elements = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > DEPTH_MAX:
            raise _Refused(f"is nested more than {DEPTH_MAX} deep")
        if elements > ELEMENTS_MAX:
            raise _Refused(f"has more than {ELEMENTS_MAX} elements")
        local = name.rpartition(":")[2]
        if local == "include":
            raise _Refused("includes other files")
        for key, value in attributes.items():
            if key.rpartition(":")[2] == "href" and local in _REFERRING and not _is_inside(value):
                raise _Refused("refers to other files")

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
        if parameter or value is None or system or "&" in value or "%" in value or len(value) > ENTITY_MAX:
            raise _Refused("defines entities that are not short texts")

    def instruction(target: str, data: str) -> None:
        if target == "xml-stylesheet":
            raise _Refused("refers to other files")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler, parser.ProcessingInstructionHandler = entity, instruction
    try:
        parser.Parse(source, True)
    except _Refused as reason:
        raise Undecodable(f"The SVG cannot be drawn: it {reason}.", _HINT) from None
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Undecodable(f"The SVG is not well formed: {error}.", _HINT) from None


def _is_inside(reference: str) -> bool:
    reference = reference.strip()
    return not reference or reference.startswith("#") or _EMBEDDED.match(reference) is not None
