"""The systems of `make run` that run on this machine, found among the processes of this user. Needs /proc (Linux).

What a process was started with is known to the kernel. So there is no file that could be old, or hold a secret.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PROCESSES = Path("/proc")
_PROGRAM = ["-m", "tools.stack.run"]
_SERVICE = "services."


@dataclass(frozen=True, slots=True)
class Running:
    """One system. `services` has the environment of the first process of each service, by the service's name."""

    pid: int
    data: Path
    services: Mapping[str, Mapping[str, str]]


class Several(Exception):
    """More than one system runs, and nothing says which one is meant."""

    def __init__(self, systems: list[Running]) -> None:
        super().__init__("several systems run")
        self._systems = systems

    def choose(self, target: str) -> str:
        """Return what to say of it, with the commands of a target of make that name one system each."""
        known = "".join(f"\n  make {target} DATA_DIR={system.data}" for system in self._systems)
        return f"Several systems run. Choose one of them:{known}"


def chosen(environment: Mapping[str, str]) -> Running | None:
    """Return the system that is meant: that of DATA_DIR, else the only one that runs. Raises Several."""
    found = systems()
    if folder := environment.get("DATA_DIR"):
        return next((system for system in found if system.data == Path(folder).absolute()), None)
    if len(found) > 1:
        raise Several(found)
    return found[0] if found else None


def is_running(pid: int) -> bool:
    """Return whether a process is there and has not ended. One that nobody has waited for has ended."""
    try:
        state = (_PROCESSES / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def systems() -> list[Running]:
    """Return the systems whose services have been started, the oldest process first."""
    commands = dict(_commands())
    found = []
    for pid in sorted(pid for pid, command in commands.items() if command[1:3] == _PROGRAM):
        services: dict[str, dict[str, str]] = {}
        for child in sorted(child for child in commands if _parent(child) == pid):
            name = _service(commands[child])
            environment = _environment(child) if name else {}
            if environment:
                services.setdefault(name, environment)
        if "catalog" in services:
            data = Path(services["catalog"]["DATA_FOLDER_PATH"]).parent
            found.append(Running(pid, data, services))
    return found


def _commands() -> Iterator[tuple[int, list[str]]]:
    for folder in _PROCESSES.iterdir():
        if folder.name.isdecimal():
            try:
                if folder.stat().st_uid == os.geteuid():
                    yield int(folder.name), (folder / "cmdline").read_text(errors="replace").split("\0")
            except OSError:
                continue  # It has ended meanwhile.


def _service(command: list[str]) -> str:
    """Return which service a command runs, or an empty text."""
    named = command[2] if len(command) > 2 and command[1] == "-m" else ""
    return named.removeprefix(_SERVICE) if named.startswith(_SERVICE) else ""


def _parent(pid: int) -> int | None:
    try:
        # The name of the program, in brackets, may have spaces and brackets of its own.
        return int((_PROCESSES / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return None


def _environment(pid: int) -> dict[str, str]:
    try:
        text = os.fsdecode((_PROCESSES / str(pid) / "environ").read_bytes())
    except OSError:
        return {}
    pairs = (pair.partition("=") for pair in text.split("\0"))
    return {name: value for name, equals, value in pairs if equals}
