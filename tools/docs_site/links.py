"""What the links of a page become when the page is moved to its place in the site. Pure."""

import posixpath
import re
from collections.abc import Callable

from tools.docs_site.pages import place

_LINK = re.compile(r"(?P<shown>!?\[(?:[^\[\]]|\[[^\]]*\])*\])\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_MORE_THAN_LANGUAGE = re.compile(r"\A((?:```|~~~)\w+) .*")
"""What a test looks for in a page (`sh drill`), and the generator of the site takes for no block."""
_BLOCK = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)


def targets(text: str, source: str) -> set[str]:
    """Return the paths in the checkout to which the links of a page lead."""
    found = (match["target"] for match in _LINK.finditer(_BLOCK.sub("", text)))
    return {_path(target, source) for target in found if not _is_elsewhere(target)}


def moved(text: str, source: str, is_there: Callable[[str], bool]) -> str:
    """Return the text of a page at its place in the site.

    Its links lead to the places of their targets. If the site has no such target, what was shown stays, without a link.
    """
    here = posixpath.dirname(place(source))

    def rewritten(match: re.Match[str]) -> str:
        if _is_elsewhere(match["target"]):
            return match[0]
        path = _path(match["target"], source)
        if not is_there(path):
            return match["shown"].removeprefix("!")[1:-1]
        return f"{match['shown']}({posixpath.relpath(place(path), here or '.')}{match['anchor'] or ''})"

    parts, end = [], 0
    for block in _BLOCK.finditer(text):
        parts += [_LINK.sub(rewritten, text[end : block.start()]), _MORE_THAN_LANGUAGE.sub(r"\1", block[0], count=1)]
        end = block.end()
    return "".join([*parts, _LINK.sub(rewritten, text[end:])])


def _path(target: str, source: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _is_elsewhere(target: str) -> bool:
    return "://" in target or target.startswith("mailto:")
