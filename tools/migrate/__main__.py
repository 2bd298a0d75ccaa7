"""python -m tools.migrate: see docs/migrating.md, or --help."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from redis.exceptions import RedisError

from services.core.errors import TadaError
from tools.migrate.entries import EntriesUnreadable
from tools.migrate.older_settings import SettingsUnreadable
from tools.migrate.run import FAILED, NOT_SAID, Undecided, Wanted, migrate
from tools.migrate.written import Unwritable

AGAIN = "What was copied stays. Run this again to go on."
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, and do what it says; return the exit status."""
    wanted = parsed(arguments)
    try:
        return asyncio.run(migrate(wanted))
    except (Undecided, SettingsUnreadable, Unwritable, EntriesUnreadable) as problem:
        print(problem, file=sys.stderr)
        return NOT_SAID
    except KeyboardInterrupt:
        print(f"It was interrupted. {AGAIN}", file=sys.stderr)
        return INTERRUPTED
    except (TadaError, RedisError, OSError) as problem:
        print(f"It stopped: {problem} {AGAIN}", file=sys.stderr)
        return FAILED


def parsed(arguments: Sequence[str] | None = None) -> Wanted:
    """Return what a command line says; ends the process if it is not valid."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.migrate",
        description="Moves an installation of the older Node.js service to TADA. Without --do it only says what would "
        "happen. It never changes anything of the older service.",
    )
    parser.add_argument("--settings", type=Path, metavar="FILE", help="the older .env, or its values file (.yaml)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--dump", type=Path, metavar="FILE", help="a JSON dump of the older service")
    where.add_argument("--redis", default="", metavar="ADDRESS", help="its Redis, such as redis://127.0.0.1:6379/0")
    parser.add_argument("--files", type=Path, metavar="FOLDER", help="its files, if they are in a folder")
    for name, meaning in (
        ("--new", "a new setting, such as DATA_FOLDER_PATH"),
        ("--here", "a setting of the storage that is another one from this machine, such as S3_ENDPOINT"),
    ):
        parser.add_argument(name, action="append", default=[], metavar="NAME=VALUE", type=_pair, help=meaning)
    parser.add_argument("--into", type=Path, metavar="FILE", help="the new settings (tada.env, or tada-values.yaml)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write one line of JSON for each entry, too")
    parser.add_argument("--leave-out", action="store_true", help="go without entries that cannot be taken")
    parser.add_argument("--do", action="store_true", help="do it")
    said = parser.parse_args(arguments)
    has_values = said.settings is not None and said.settings.suffix in (".yaml", ".yml")
    return Wanted(
        settings=said.settings,
        dump=said.dump,
        redis=said.redis,
        files=said.files,
        new=dict(said.new),
        here=dict(said.here),
        into=said.into or Path("tada-values.yaml" if has_values else "tada.env"),
        report=said.report,
        leave_out=said.leave_out,
        act=said.do,
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
