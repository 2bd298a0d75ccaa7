"""What can be done with many entries at once. Pure.

An action is idempotent: done twice, it leaves the same as once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from services.core.assets import descriptions, entries
from services.core.assets.entries import FOCUS, SETTABLE, Entry
from services.core.errors import BadRequest

Action = Literal["delete", "change"]
"""What is done: assets are deleted with their bytes and their cached copies, or fields of entries are changed."""
ACTIONS: tuple[Action, ...] = get_args(Action)
FIELDS = tuple(name for name in SETTABLE if name not in FOCUS)
"""The fields that can be set for many entries. A focal point belongs to one picture."""
ADD_TAGS, REMOVE_TAGS = "add_tags", "remove_tags"
CHANGES = (*FIELDS, ADD_TAGS, REMOVE_TAGS)
_NAME_MAX = 64


@dataclass(frozen=True, slots=True)
class Change:
    """A change of many entries: fields to set, then tags to remove, then tags to add."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    removed_tags: tuple[str, ...] = ()
    added_tags: tuple[str, ...] = ()

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "Change":
        """Read a change as a client sends it; raises BadRequest for an unknown field and a value that is not valid."""
        if unknown := next((name for name in given if name not in CHANGES), None):
            raise BadRequest(
                f"{unknown[:_NAME_MAX]!r} cannot be set for many entries.", f"These can: {', '.join(CHANGES)}."
            )
        fields = entries.parse_fields(dict(given))
        removed, added = (descriptions.parse_tags(given.get(name)) for name in (REMOVE_TAGS, ADD_TAGS))
        for tags in (removed, added):
            entries.check_sizes({"tags": tags})
        entries.check_sizes(fields)
        if not (fields or removed or added):
            raise BadRequest("Nothing to change.", f"Send one of: {', '.join(CHANGES)}.")
        return cls(fields, tuple(removed), tuple(added))

    def applied(self, entry: Entry, now: float) -> Entry:
        """Return the entry with the change, and the entry itself if it has all of it already.

        `now` is seconds since 1970. Raises BadRequest if the entry would have too many tags.
        """
        wanted = dict(self.fields)
        if self.removed_tags or self.added_tags:
            wanted["tags"] = self._tags(wanted.get("tags", entry.tags))
        differing = {name: value for name, value in wanted.items() if value != getattr(entry, name)}
        if "expiration_date" in differing and "expired" in wanted:
            differing["expired"] = wanted["expired"]  # Otherwise a later date alone would revive the entry.
        return entries.with_fields(entry, differing, now)

    def _tags(self, before: Iterable[str]) -> list[str]:
        kept = [tag for tag in before if tag not in self.removed_tags]
        return list(dict.fromkeys([*kept, *self.added_tags]))
