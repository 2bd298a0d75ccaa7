"""What a page is told when its upload fails: what it can change, and nothing of the inside. Pure."""

import re

from services.core.errors import (
    AlreadyExists,
    Forbidden,
    NoEntry,
    QuotaExceeded,
    TadaError,
    TicketInvalid,
    TicketRefused,
    TooLarge,
    Unavailable,
)

_INTERNAL = re.compile(r"[A-Z]{2,}_[A-Z_]+|(?:^|\s)/[a-z]|\b(?:GET|POST|PATCH|DELETE)\b|\bcurl\b")
"""The name of a setting, a path, a method, or a command."""
_LATER = "Try again in a moment."


def for_page(error: TadaError) -> TadaError:
    """Return an error as a page may see it."""
    match error:
        case AlreadyExists():
            return _saying(error, "There is a file with this name already.", "Give the file another name.")
        case NoEntry():
            return gone()
        case TicketRefused():
            return error
        case Forbidden():  # The namespace is not in use any more.
            return TicketInvalid()
        case QuotaExceeded():
            return _saying(error, "There is no room for the file.", None)
        case TooLarge():
            return _saying(error, error.message, "Send a smaller file.")
        case Unavailable():
            return _saying(error, "The file cannot be taken now.", _LATER)
    if error.status >= 500 or _INTERNAL.search(error.message):
        return _saying(error, "The file cannot be taken.", None)
    return _saying(error, error.message, None) if _INTERNAL.search(error.hint or "") else error


def gone() -> TicketRefused:
    """Return the error for a ticket whose asset is not there any more, or is another one."""
    return TicketRefused("The asset of this ticket is gone.")


def _saying(error: TadaError, message: str, hint: str | None) -> TadaError:
    said = TadaError(message, hint)
    said.status, said.code, said.retry_after = error.status, error.code, error.retry_after
    return said
