"""The name under which a browser saves an answer (RFC 6266). Pure.

An upload makes names ASCII; an entry from elsewhere may have others. A client's own name, in any script, comes with
`?download=` and is put into the header by nginx: it changes no byte, so no cache holds a copy for it.
"""

import re
from urllib.parse import quote

_SPECIAL = re.compile(r'[^ -~]|["\\%]')


def inline(filename: str) -> dict[str, str]:
    """Return the header that names what is shown in place; characters outside ASCII are written as RFC 8187 has it."""
    plain = _SPECIAL.sub("_", filename)
    value = f'inline; filename="{plain}"'
    if plain != filename:
        value += f"; filename*=UTF-8''{quote(filename, safe='')}"
    return {"content-disposition": value}
