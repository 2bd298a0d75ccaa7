"""Whether a request that failed is sent again, and when. Pure."""

from dataclasses import dataclass

from tada_client.errors import NotReached, TadaError, TooManyRequests, Unavailable


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is. Seconds; `attempts` counts the first one.

    A pause doubles from `first` up to `longest`, and is shortened by up to a half at random, so that clients that
    failed together do not come back together. `Retry-After` of the service counts if it is longer, up to
    `longest_asked`: whoever is asked to wait longer than that is told so at once.
    """

    attempts: int = 7
    first: float = 0.25
    longest: float = 8.0
    longest_asked: float = 60.0

    def pause(self, attempt: int, error: TadaError, repeatable: bool, share: float) -> float | None:
        """Return how long to wait after the attempt with this number, from 1; None to give up.

        `repeatable` says whether the request may be done twice. If not, it is sent again only if it was certainly not
        done. `share` is a random number from 0 to 1.
        """
        if attempt >= self.attempts or not _may_repeat(error, repeatable):
            return None
        asked = error.retry_after or 0.0
        if asked > self.longest_asked:
            return None
        usual = min(self.longest, self.first * 2.0 ** (attempt - 1)) * (1 - share / 2)
        # Whoever is told a time comes after it, each at another moment.
        return max(usual, asked * (1 + share / 10))


NEVER = Retries(attempts=1)


def _may_repeat(error: TadaError, repeatable: bool) -> bool:
    if isinstance(error, TooManyRequests):
        return True
    if isinstance(error, NotReached):
        return repeatable or not error.sent
    passing = isinstance(error, Unavailable) or error.status in (408, 423, 507)
    return passing and repeatable
