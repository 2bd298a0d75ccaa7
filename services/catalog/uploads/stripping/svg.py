"""SVG (W3C SVG 2): removes everything that could run or load something, and data that only editors read.

svg-hush removes scripts, event handlers, links, foreignObject, `metadata`. Comments, processing instructions, doctypes
with entities and other vocabularies than SVG's go too. A document with nothing to remove stays as it is, byte for byte.
"""

import re
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from py_svg_hush import filter_svg

from services.catalog.uploads.stripping.rewriting import damaged, replacement
from services.core.assets import xml_text
from services.core.assets.containers import Malformed
from services.core.errors import BadRequest

MAX_BYTES = 5 * 1024 * 1024
"""A larger document is refused: it is read several times in memory, and svg-hush blocks all other threads."""
_EXPANDED_MAX = 2 * MAX_BYTES
_DEPTH_MAX = 500  # svg-hush takes quadratic time in the depth.

_SVG, _XML, _XLINK = (
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/XML/1998/namespace",
    "http://www.w3.org/1999/xlink",
)
# svg-hush drops attributes of XML itself, but xml:space affects how a text looks: they pass as data.
_CARRIED = {f"{_XML} space": "data-xml-space", f"{_XML} lang": "data-xml-lang"}
_RESTORED = {"data-xml-space": "xml:space", "data-xml-lang": "xml:lang"}
_EMBEDDED = {
    "image": ["png", "jpeg", "jpg", "gif", "webp", "avif"],
    "font": ["woff", "woff2", "ttf", "otf"],
    "application": ["font-woff", "font-woff2", "x-font-woff", "x-font-ttf", "x-font-otf", "vnd.ms-opentype"],
}
# svg-hush would leave a part of an import before the next rule. The content of a string or comment is not an import.
# Each alternative matches to its end, so that no text is read more than once.
_STRING = r""""(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?"""
_CSS_IMPORT = re.compile(
    rf"""(?P<kept>/\*(?:[^*]++|\*(?!/))*+(?:\*/)?|{_STRING})"""
    rf"""|@import(?:url\(\s*+(?!["'])[^)]*+\)?|[^;{{"'u]++|u|{_STRING})*+;?""",
    re.IGNORECASE | re.DOTALL,
)


def strip(path: Path) -> bool:
    """Remove scripts and metadata of an SVG file; see `strip_file`."""
    if path.stat().st_size > MAX_BYTES:
        raise BadRequest(
            f"An SVG of more than {MAX_BYTES} bytes cannot be made safe.",
            "Make it simpler, or upload it as a PNG.",
        )
    try:
        before = xml_text.utf8(path.read_bytes())
    except Malformed as problem:
        raise damaged("SVG", str(problem)) from None
    after = without_scripts(before)
    if after is None:
        return False
    with replacement(path) as target:
        target.write(after)
    return True


def without_scripts(document: bytes) -> bytes | None:
    """Return a UTF-8 document without the parts to be removed, None if it has no such parts; raises BadRequest."""
    plain = _Copy(document)
    # A marker between any two tags keeps svg-hush from indenting, which adds spaces between words and many bytes.
    marker = next(mark for mark in map(chr, range(0xE000, 0xF8FF)) if mark not in plain.text)
    try:
        hushed = filter_svg(_Copy(document, marker).text.encode(), _EMBEDDED)
    except ValueError as error:
        raise damaged("SVG", f"cannot be read ({error})") from error
    after = _Copy(hushed.replace(marker.encode(), b"")).text
    if after == plain.text and not plain.left_out:
        return None
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + after.encode()


class _Copy:
    """An SVG document in one form: UTF-8, no prefixes, no entities, sorted attributes, nothing but SVG.

    `left_out` says whether content was removed, too. With a marker it is a copy for svg-hush.
    """

    def __init__(self, document: bytes, marker: str = "") -> None:
        self.left_out = False
        self._marker = marker
        self._parts: list[str] = []
        self._size = self._depth = self._foreign = 0
        self._style: list[str] | None = None
        self._empty = False
        self._read(document)
        self.text = "".join(self._parts)

    def _read(self, document: bytes) -> None:
        parser = expat.ParserCreate("utf-8", " ")
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.CommentHandler = parser.ProcessingInstructionHandler = parser.EntityDeclHandler = self._leave_out
        try:
            parser.Parse(document, True)
        except BadRequest:
            raise
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise damaged("SVG", f"is not well-formed XML ({error})") from error

    def _start(self, name: str, attributes: list[str]) -> None:
        space, _, local = name.rpartition(" ")
        if self._depth == 0 and name != f"{_SVG} svg":
            raise damaged("SVG", f'does not begin with <svg xmlns="{_SVG}">')
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise damaged("SVG", f"is nested more than {_DEPTH_MAX} elements deep")
        # In a style sheet, an element would only cut words in two.
        if self._foreign or space != _SVG or self._style is not None:
            self._foreign += 1
            self._leave_out()
            return
        opening = f' xmlns="{_SVG}"' if self._depth == 1 else ""
        self._write(f"<{local}{opening}{self._attributes(attributes)}>")
        if local == "style":
            self._style = []
        else:
            self._write(self._marker)
            self._empty = not self._marker

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._foreign:
            self._foreign -= 1
            return
        if self._empty:  # Nothing came after the opening tag.
            self._parts[-1] = f"{self._parts[-1][:-1]}/>"
            self._empty = False
            return
        local = name.rpartition(" ")[2]
        if self._style is not None:
            css, self._style = "".join(self._style), None
            self._write(escape(_CSS_IMPORT.sub(lambda found: found["kept"] or "", css) if self._marker else css))
        self._write(f"</{local}>" + (self._marker if self._depth else ""))

    def _characters(self, text: str) -> None:
        if self._foreign:
            return
        if self._style is not None:
            self._style.append(text)
        else:
            # An existing return must be escaped: the next reader would take a bare one for the end of a line.
            self._write(escape(text, {"\r": "&#13;"}) + self._marker)

    def _attributes(self, attributes: list[str]) -> str:
        given = dict(zip(attributes[::2], attributes[1::2], strict=True))
        kept: dict[str, str] = {}
        for name, value in given.items():
            if name == f"{_XLINK} href":
                kept.setdefault("href", given.get("href", value))
            elif name in _CARRIED:
                kept[_CARRIED[name]] = value
            elif " " in name:
                self._leave_out()
            else:
                kept[name] = value
        if not self._marker:
            kept = {_RESTORED.get(name, name): value for name, value in kept.items()}
        return "".join(f" {name}={quoteattr(value)}" for name, value in sorted(kept.items()))

    def _write(self, text: str) -> None:
        if not text:
            return
        self._empty = False
        self._size += len(text)
        if self._size > _EXPANDED_MAX:
            raise damaged("SVG", "grows too large when it is read")
        self._parts.append(text)

    def _leave_out(self, *_: object) -> None:
        self.left_out = True
