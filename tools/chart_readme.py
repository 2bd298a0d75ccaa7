"""Writes two tables into charts/tada/README.md: the values, from the comments of charts/tada/values.yaml, and the keys
of the older chart, from charts/tada/older-keys.yaml.

    python -m tools.chart_readme

A comment that begins with "# --" says what the value below it is; each further line of the comment goes on. A value
whose parts have their own comments needs no comment. tests/chart/test_values.py fails when the table is not current.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.grammar.docs import with_blocks

CHART = Path(__file__).parents[1] / "charts" / "tada"
_KEY = re.compile(r"(?P<indent> *)(?P<name>[A-Za-z0-9_]+):")
_INDENT = 2


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its key with dots, what it is, and its default as YAML on one line."""

    key: str
    meaning: str
    default: str


def described(text: str) -> Iterator[tuple[str, str]]:
    """Yield key and description of every value in values.yaml that has a description."""
    path: list[str] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            if stripped.startswith("# -- "):
                comment = [stripped.removeprefix("# -- ")]
            elif comment:
                comment.append(stripped.removeprefix("# "))
            continue
        if match := _KEY.match(line):
            path = [*path[: len(match["indent"]) // _INDENT], match["name"]]
            if comment:
                yield ".".join(path), " ".join(comment)
        comment = []


def values(text: str) -> list[Value]:
    """Return every value with its default; raises KeyError for a description without a value."""
    tree = yaml.safe_load(text)
    return [Value(key, meaning, _shown(_look_up(tree, key))) for key, meaning in described(text)]


def undescribed(text: str) -> list[str]:
    """Return the keys of values that neither have a description nor are part of something that has one."""
    known = [key for key, _ in described(text)]
    leaves = _leaves(yaml.safe_load(text))
    return [leaf for leaf in leaves if not any(leaf == key or leaf.startswith(f"{key}.") for key in known)]


def table(text: str) -> str:
    """Return the table for README.md."""
    rows = (f"| `{value.key}` | `{value.default}` | {value.meaning} |" for value in values(text))
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *rows]) + "\n"


def older_table(text: str) -> str:
    """Return the table of the older chart's keys for README.md."""
    rows = (
        f"| {', '.join(f'`{key}`' for key in entry['keys'])} | {_here(entry)} | {entry.get('note', '').strip()} |"
        for entry in yaml.safe_load(text)
    )
    return "\n".join(["| key | here | what the chart says of it |", "|---|---|---|", *rows]) + "\n"


def readme(old: str, text: str, older: str) -> str:
    """Return README.md with the current tables: of values.yaml, and of older-keys.yaml."""
    return with_blocks(old, {"values": table(text).rstrip(), "older keys": older_table(older).rstrip()})


def _here(entry: dict[str, Any]) -> str:
    here: str = entry.get("here", "")
    return here if here in ("", "the same") else ", ".join(f"`{name}`" for name in here.split(", "))


def _look_up(tree: Any, key: str) -> Any:
    for name in key.split("."):
        tree = tree[name]
    return tree


def _leaves(tree: Any, prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _shown(default: Any) -> str:
    return json.dumps(default)


if __name__ == "__main__":
    file = CHART / "README.md"
    sources = ((CHART / name).read_text() for name in ("values.yaml", "older-keys.yaml"))
    file.write_text(readme(file.read_text(), *sources))
