"""Which known name somebody meant who wrote another one. Pure."""

from collections.abc import Collection

_LONG = 10
_SHORT = 6
"""Names of fewer letters are near to nothing: too many others are."""


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that another one is a near miss of; None if there is none, or if it could be several.

    It is one with a letter or two too many, too few, changed or swapped; one with the words in another order; or one
    that lacks words at its end.
    """
    if len(name) < _SHORT:
        return None
    allowed = 2 if len(name) >= _LONG else 1
    distances = {other: _distance(name, other, allowed) for other in known if len(other) >= _SHORT}
    least = min(distances.values(), default=allowed + 1)
    found = {other for other, distance in distances.items() if distance == least <= allowed}
    found = found or {other for other in known if _words(name) == _words(other)}
    found = found or {other for other in known if "_" in name and other.startswith(f"{name}_")}
    return found.pop() if len(found) == 1 else None


def _words(name: str) -> list[str]:
    return sorted(word.removesuffix("S") for word in name.split("_"))


def _distance(one: str, other: str, limit: int) -> int:
    """Return how many letters are to be added, removed, changed or swapped; more than `limit` if it is more."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
