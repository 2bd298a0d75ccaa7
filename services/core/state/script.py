"""Lua scripts in Redis, each one atomic step, called by the names of their keys and arguments.

A script declares these names in its header, once, with what they mean:

    -- USES log_change
    -- KEYS entries, claims
    -- ARGV entry_key
    -- ARGV expected: the stored bytes that the writer has read

Each name is a local variable of the script and a keyword of the call. `USES` names the files in lua/ whose functions
the script needs: a script of Redis cannot load another one itself. A name with dots, such as `wanted...`, stands for
all keys or all arguments: a sequence in Python, a table in Lua.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from services.core.state import commands
from services.core.state.connection import Redis

LUA = Path(__file__).parent / "lua"
_DECLARED = re.compile(r"^-- (USES|KEYS|ARGV) ([a-z_]+(?:, [a-z_]+)*(?:\.\.\.)?)(?=:|$)", re.MULTILINE)
_MANY = "..."

Value = str | bytes | int | float
Given = Value | Sequence[Value]


@dataclass(frozen=True, slots=True)
class Source:
    """The text that Redis gets, and the names of its keys and arguments in their order."""

    text: str
    keys: tuple[str, ...]
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Source":
        """Read the text of a script file; raises ValueError if its names are in conflict."""
        uses, names, arguments = (_declared(text, what) for what in ("USES", "KEYS", "ARGV"))
        all_names = [name.removesuffix(_MANY) for name in (*names, *arguments)]
        if len(set(all_names)) < len(all_names):
            raise ValueError(f"A name is declared twice: {', '.join(all_names)}.")
        # Redis reads the flags of a script in its first line.
        flags, body = text.split("\n", 1) if text.startswith("#!") else ("", text)
        used = [(LUA / f"{name}.lua").read_text() for name in uses]
        locals_ = [_locals(names, "KEYS"), _locals(arguments, "ARGV")]
        return cls("\n".join(part for part in (flags, *used, *locals_, body) if part), names, arguments)


class Script:
    """The script `lua/{name}.lua`. Values that are the same in each call may be bound when it is made.

    Raises TypeError for a name that the script does not have, and a call also for one that is missing.
    """

    def __init__(self, client: Redis, name: str, **bound: Given) -> None:
        source = Source.of((LUA / f"{name}.lua").read_text())
        self._redis, self._name, self._bound = client, name, bound
        self._keys, self._arguments = source.keys, source.arguments
        self._names = {given.removesuffix(_MANY) for given in (*source.keys, *source.arguments)}
        self._text = source.text
        self._sha = hashlib.sha1(source.text.encode(), usedforsecurity=False).hexdigest()
        if unknown := bound.keys() - self._names:
            raise TypeError(f"{name}.lua has no {', '.join(sorted(unknown))}.")

    async def __call__(self, **given: Given) -> Any:
        """Run the script and return its answer; raises RedisError."""
        values = {**self._bound, **given}
        if values.keys() != self._names:
            raise TypeError(self._mismatch(values))
        names, arguments = _in_order(self._keys, values), _in_order(self._arguments, values)
        try:
            return await commands.evalsha(self._redis, self._sha, names, arguments)
        except NoScriptError:  # Redis has been restarted, or is asked for the first time.
            return await commands.eval_(self._redis, self._text, names, arguments)

    def _mismatch(self, values: dict[str, Given]) -> str:
        missing, unknown = sorted(self._names - values.keys()), sorted(values.keys() - self._names)
        told = [("needs", missing), ("has no", unknown)]
        return f"{self._name}.lua " + " and ".join(f"{verb} {', '.join(names)}" for verb, names in told if names)


def _declared(text: str, what: str) -> tuple[str, ...]:
    names = tuple(name for kind, told in _DECLARED.findall(text) if kind == what for name in told.split(", "))
    if len(names) > 1 and any(name.endswith(_MANY) for name in names):
        raise ValueError(f"{what} {', '.join(names)}: a name with dots stands alone.")
    return names


def _locals(names: Sequence[str], table: str) -> str:
    if not names:
        return ""
    if names[0].endswith(_MANY):
        return f"local {names[0].removesuffix(_MANY)} = {table}"
    return f"local {', '.join(names)} = unpack({table})"


def _in_order(names: Sequence[str], values: dict[str, Any]) -> Sequence[Value]:
    if names and names[0].endswith(_MANY):
        many: Sequence[Value] = values[names[0].removesuffix(_MANY)]
        return many
    return [values[name] for name in names]
