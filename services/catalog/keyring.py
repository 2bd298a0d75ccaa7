"""The current tokens. They are read at the start, every few seconds, and at once when the process gets SIGHUP."""

import asyncio
import logging
from collections.abc import Callable

from services.catalog import metrics
from services.catalog.tokens import ANYBODY, Principal, Tokens
from services.core.observing import logs
from services.core.settings import SettingsError
from services.core.state.cancellation import is_cancelled

log = logging.getLogger(__name__)

LOOK_SECONDS = 3.0
_SETTLE_SECONDS = 0.2
"""What has changed must be the same after this time: a file may be read while somebody writes it."""
_NONE_LEFT = "There is no token any more, so everybody could write."


class Keyring:
    """Holds the tokens that `read` returns. `read` may raise SettingsError, OSError and ValueError."""

    def __init__(self, read: Callable[[], Tokens]) -> None:
        self._read = read
        self._tokens = read()
        self._problem = ""
        metrics.TOKENS.set(len(self._tokens.principals))

    @property
    def is_empty(self) -> bool:
        """Whether no token is configured, so that everybody who reaches the service may write."""
        return not self._tokens.principals

    @property
    def holders(self) -> tuple[Principal, ...]:
        """The owners of all tokens; anybody, if no token is configured."""
        return tuple(principal for _, principal in self._tokens.principals) or (ANYBODY,)

    async def principal(self, authorization: str) -> Principal:
        """Return the owner of the token in an Authorization header; raises Unauthorized."""
        return self._tokens.principal(authorization)

    def reload(self) -> None:
        """Read the tokens again. If that fails, or if there are no tokens any more, the old tokens stay valid."""
        self._problem = ""
        self._take(self._found())

    async def keep(self) -> None:
        """Look for other tokens until cancelled."""
        while not is_cancelled():
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Read the tokens again as `reload` does, if they have changed, and in a thread: a folder may hang.

        A problem is logged once.
        """
        found = await asyncio.to_thread(self._found)
        if found == (self._problem or self._tokens):
            return
        await asyncio.sleep(_SETTLE_SECONDS)
        if await asyncio.to_thread(self._found) == found:
            self._take(found)

    def _found(self) -> Tokens | str:
        """Return the tokens that are configured now, or why they cannot be taken."""
        try:
            found = self._read()
        except (SettingsError, OSError, ValueError) as error:
            return str(error)
        return found if found.principals or self.is_empty else _NONE_LEFT

    def _take(self, found: Tokens | str) -> None:
        if isinstance(found, str):
            self._problem = found
            logs.event(log, logging.ERROR, "tokens_kept", error=found)
        else:
            self._tokens, self._problem = found, ""
            logs.event(log, logging.INFO, "tokens_read", count=len(found.principals))
        metrics.TOKENS.set(len(self._tokens.principals))
        metrics.TOKENS_KEPT.set(bool(self._problem))
