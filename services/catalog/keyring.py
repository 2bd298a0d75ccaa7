"""The tokens that are valid now. They are read at the start, and once more whenever the process gets SIGHUP."""

import logging
from collections.abc import Callable

from services.catalog.tokens import Principal, Tokens
from services.core.observing import logs
from services.core.settings import SettingsError

log = logging.getLogger(__name__)


class Keyring:
    """Has the tokens that `read` returns. It may raise SettingsError, OSError and ValueError."""

    def __init__(self, read: Callable[[], Tokens]) -> None:
        self._read = read
        self._tokens = read()

    @property
    def is_empty(self) -> bool:
        """Whether no token is configured, so that whoever reaches the service may write."""
        return not self._tokens.principals

    def principal(self, authorization: str) -> Principal:
        """Return who sends an Authorization header; raises Unauthorized."""
        return self._tokens.principal(authorization)

    def reload(self) -> None:
        """Read the tokens again. If that fails, or if none would be left, those that were valid stay."""
        try:
            found = self._read()
        except (SettingsError, OSError, ValueError) as error:
            logs.event(log, logging.ERROR, "tokens_kept", error=str(error))
            return
        if not found.principals and not self.is_empty:
            logs.event(log, logging.ERROR, "tokens_kept", error="No token would be left, and everybody could write.")
            return
        self._tokens = found
        logs.event(log, logging.INFO, "tokens_read", count=len(found.principals))
