"""The stream of server-sent events, as lines come. Pure."""

import json
from dataclasses import dataclass, field

from tada_client.models import Event


@dataclass(slots=True)
class Parser:
    """Makes events of lines. `last_id` is where to go on after a break."""

    last_id: str = ""
    _lines: dict[str, str] = field(default_factory=dict)

    def feed(self, line: str) -> Event | None:
        """Take a line without its end; return the event that it completes, if it does."""
        name, _, value = line.partition(":")
        if line and name:
            self._lines[name] = value.removeprefix(" ")
        if line:
            return None
        lines, self._lines = self._lines, {}
        self.last_id = lines.get("id", self.last_id)
        return Event(lines.get("event", "change"), self.last_id, json.loads(lines["data"])) if "data" in lines else None

    def broke_off(self) -> None:
        """Forget what came of an event that is not complete."""
        self._lines.clear()
