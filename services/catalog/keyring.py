"""The current tokens. They are read at the start, and again when the process gets SIGHUP."""

import logging
from collections.abc import Callable

from services.catalog.tokens import ANYBODY, Principal, Tokens
from services.core.observing import logs
from services.core.settings import SettingsError

log = logging.getLogger(__name__)


class Keyring:
    """Holds the tokens that `read` returns. `read` may raise SettingsError, OSError and ValueError."""

    def __init__(self, read: Callable[[], Tokens]) -> None:
        self._read = read
        self._tokens = read()

    @property
    def is_empty(self) -> bool:
        """Whether no token is configured, so that everybody who reaches the service may write."""
        return not self._tokens.principals

    @property
    def holders(self) -> tuple[Principal, ...]:
        """The owners of all tokens; anybody, if no token is configured."""
        return tuple(principal for _, principal in self._tokens.principals) or (ANYBODY,)

    def principal(self, authorization: str) -> Principal:
        """Return the owner of the token in an Authorization header; raises Unauthorized."""
        return self._tokens.principal(authorization)

    def reload(self) -> None:
        """Read the tokens again. If that fails, or if there are no tokens any more, the old tokens stay valid."""
        try:
            found = self._read()
        except (SettingsError, OSError, ValueError) as error:
            logs.event(log, logging.ERROR, "tokens_kept", error=str(error))
            return
        if not found.principals and not self.is_empty:
            logs.event(log, logging.ERROR, "tokens_kept", error="There is no token any more, so everybody could write.")
            return
        self._tokens = found
        logs.event(log, logging.INFO, "tokens_read", count=len(found.principals))
