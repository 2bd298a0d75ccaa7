"""What a request is about, before anything is known of the catalog. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from services.core.addresses import saving
from services.core.addresses.form import Form, arguments_of, parse
from services.core.addresses.presets import Allowed, resolve
from services.core.assets import identity
from services.transform.answer.decide import candidates


@dataclass(frozen=True, slots=True)
class Question:
    """One form of one asset, and the keys of the entries that decide about it, in the order of `candidates`."""

    wanted: Form
    entry_keys: tuple[str, ...]


def reader(side_max: int, allowed: Allowed) -> Callable[[str, str], Question]:
    """Return what reads a path and a query string; the last ones are known, as some are asked for all the time.

    It raises BadRequest for what cannot be asked for, or may not be here, and NotFound for no path of an asset.
    """

    @lru_cache(maxsize=1024)
    def read(path: str, query: str) -> Question:
        form = parse(path, query, side_max, allowed.presets)
        saving.check(arguments_of(query))
        allowed.check(form)
        wanted = resolve(form, allowed.presets, side_max)
        return Question(wanted, tuple(identity.entry_key(name) for name in candidates(wanted)))

    return read
