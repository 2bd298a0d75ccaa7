"""The query of a request that writes: an unknown argument is refused, never ignored.

An ignored argument can do harm: an ignored filter empties the catalog, and an ignored `dry_run` starts the real run.
Requests that only read may have any arguments, such as those that browsers and proxies add.
"""

from collections.abc import Callable, Collection
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.core.errors import BadRequest

NAME_MAX = 64
"""Characters of an unknown name that an answer repeats."""

Refusal = Callable[[BadRequest], Response]
"""Makes the answer to an error, in the shape of the operation's errors."""


class Arguments:
    """Wraps one route that writes: lets a request pass only if its operation knows all of its arguments."""

    def __init__(self, app: ASGIApp, known: Collection[str], repeated: Collection[str], refusal: Refusal) -> None:
        """`repeated` are those of the known arguments that may occur several times."""
        self._app, self._known, self._repeated, self._refusal = app, known, repeated, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query: bytes = scope["query_string"]
        if query:
            try:
                check(query.decode("latin-1"), self._known, f"{scope['method']} {scope['path']}", self._repeated)
            except BadRequest as error:
                await self._refusal(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def check(query: str, known: Collection[str], operation: str, repeated: Collection[str] = ()) -> None:
    """Raise BadRequest for an argument that is unknown or has no value, or occurs twice and is not `repeated`."""
    seen: set[str] = set()
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in known:
            takes = f"It takes: {', '.join(known)}." if known else "It takes no arguments in its address."
            raise BadRequest(f"{operation} does not take the argument {name[:NAME_MAX]!r}.", takes)
        if name in seen and name not in repeated:
            raise BadRequest(f"The argument {name!r} is there twice.", "Send it once.")
        if not value.strip():
            raise BadRequest(f"The argument {name!r} has no value.", f"Send {name}=…, or leave it out.")
        seen.add(name)
