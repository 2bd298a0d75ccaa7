"""The tags of an answer, by which a CDN finds it when it is to be purged. Pure.

A tag follows from the address that was asked for, not from an entry: so an upload finds what was answered before there
was an entry. `/DEV/shop/cat.webp`, and every other form and extension of it, has these tags:

| tag | of |
|---|---|
| `tada` | everything of this installation |
| `tada-` and a digest of `/DEV/` | the namespace |
| `tada-` and a digest of `/DEV/shop/` | each folder |
| `tada-` and a digest of `/DEV/shop/cat` | the asset: all that is answered under its path without the extension |

A digest is the first 12 hex digits of the MD5. So a tag is short whatever a path has in it, and no CDN refuses its
characters. Two paths with one digest would only be purged together.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5

from services.core.assets import names

OFF = "off"
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class CacheTags:
    """The tags of an installation. They begin with `prefix`: several can be behind one account of a CDN."""

    prefix: str

    @property
    def everything(self) -> str:
        """The tag of all answers."""
        return self.prefix

    def of_asset(self, unique_name: str) -> str:
        """Return the tag of what is answered under a path, whatever its extension is."""
        return self._of(names.stem(unique_name))

    def of_answer(self, unique_name: str) -> tuple[str, ...]:
        """Return all tags of an answer for a path: the installation, the folders from above, the asset."""
        *folders, _ = unique_name.split("/")
        above = ("/".join(folders[:depth]) + "/" for depth in range(2, len(folders) + 1))
        return (self.everything, *map(self._of, above), self.of_asset(unique_name))

    def _of(self, text: str) -> str:
        return f"{self.prefix}-{md5(text.encode(), usedforsecurity=False).hexdigest()[:_DIGITS]}"


@lru_cache(maxsize=1024)
def headers(prefix: str, unique_name: str | None) -> dict[str, str]:
    """Return the headers with the tags of an answer for a path, or for nothing but the installation.

    Cloudflare and CloudFront read `Cache-Tag`, Fastly and Varnish `Surrogate-Key`. Without tags (OFF) there are none.
    """
    if prefix == OFF:
        return {}
    tags = CacheTags(prefix)
    found = (tags.everything,) if unique_name is None else tags.of_answer(unique_name)
    return {"cache-tag": ",".join(found), "surrogate-key": " ".join(found)}
