"""What the command says: tables and colours for people at a terminal, plain lines and JSON for programs."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from tada_client import Entry, NotReached, Refused, TadaError, Unauthorized, Unavailable

OK, SOME_FAILED, USAGE, NOT_REACHED, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""The exit codes."""

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False)


class Failed(Exception):
    """The command cannot do what it is told; `code` is the exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code


def say(text: str) -> None:
    """Tell people something that is no result: on stderr, so that results can be piped."""
    err.print(escape(plain(text)))


def warn(text: str) -> None:
    err.print(f"[yellow]{escape(plain(text))}[/]")


def code_of(error: TadaError) -> int:
    if isinstance(error, NotReached | Unavailable):
        return NOT_REACHED
    return REFUSED if isinstance(error, Refused) else SOME_FAILED


def complain(error: TadaError, as_json: bool) -> None:
    """Say what is wrong and what to do; the id is for whoever reads the logs of the service."""
    if as_json:
        sys.stderr.write(_json({"error": error.as_json()}) + "\n")
        return
    err.print(f"[red]error:[/] {escape(plain(error.message))}")
    hint = "Set TADA_TOKEN, or `tada config set NAME --token …`." if isinstance(error, Unauthorized) else error.hint
    if hint:
        err.print(f"  {escape(plain(hint))}")
    if error.request_id:
        err.print(f"  [dim]request {escape(plain(error.request_id))}[/]")


def _json(value: Any, indent: int | None = None) -> str:
    """Write JSON without what a terminal would obey. JSON itself escapes only what is below U+0020."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return re.sub("[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)


def document(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(_json(value, indent=2) + "\n")


def line(value: Any) -> None:
    """Print one line of JSON lines. It is seen at once, also through a pipe."""
    sys.stdout.write(_json(value) + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Print rows: as a table at a terminal, else with tabs between the columns and without a head."""
    if not out.is_terminal:
        for row in rows:
            sys.stdout.write("\t".join(map(plain, row)) + "\n")
        return
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(escape(plain(cell)) for cell in row))
    if made.row_count:
        Console(highlight=False).print(made)


def plain(value: Any) -> str:
    if value is None:
        return "-"
    text = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
    # Nothing that is stored may move the cursor of a terminal.
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def entries(found: Iterable[Entry], long: bool = False) -> int:
    """Print entries as a table; return how many."""
    rows = list(found)
    cells: list[tuple[Any, ...]]
    if long:
        columns = ["path", "version", "type", "sides", "size", "uploaded", "uuid"]
        cells = [
            (
                each.unique_name,
                each.version,
                each.original_mimetype,
                sides(each),
                size(each.size),
                each.uploaded_date,
                each.uuid,
            )
            for each in rows
        ]
    else:
        columns = ["path", "sides", "size", "title"]
        cells = [(each.unique_name, sides(each), size(each.size), each.title or "") for each in rows]
    table(columns, cells, right=("size", "version"))
    return len(rows)


def sides(entry: Entry) -> str:
    return f"{entry.width}x{entry.height}" if entry.width and entry.height else "-"


def size(count: int) -> str:
    return decimal(count) if out.is_terminal else str(count)


def pairs(values: Mapping[str, Any]) -> None:
    """Print names with their values."""
    table(("", ""), [(name, value) for name, value in values.items()])


def confirmed(question: str, yes: bool) -> bool:
    """Ask whether to go on. Who cannot be asked has to say so beforehand."""
    if yes:
        return True
    if not (sys.stdin.isatty() and err.is_terminal):
        say(f"{question} Nothing was changed. Say --yes to do it.")
        return False
    return typer.confirm(question, err=True)


def stop(message: str, code: int = USAGE) -> NoReturn:
    raise Failed(message, code)
