"""What a command raises becomes a message and an exit code."""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import typer
from rich.markup import escape

from tada_client import TadaError
from tada_client.cli import output
from tada_client.cli.output import Failed
from tada_client.cli.transfer import Stopped


def handled(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that ends with an exit code whatever happens in it."""

    @functools.wraps(command)
    def run(*given: Any, **named: Any) -> None:
        try:
            command(*given, **named)
        except TadaError as error:
            output.complain(error, bool(named.get("as_json")))
            code = output.code_of(error)
        except (Failed, ValueError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                # Whoever reads has enough; nothing more is written, also not at the end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return
            output.err.print(f"[red]error:[/] {escape(output.plain(str(error)))}")
            code = error.code if isinstance(error, Failed) else output.USAGE
        except typer.Abort as error:
            # Ctrl-C at a question, or nobody who answers it.
            code = output.SOME_FAILED if isinstance(error.__context__, EOFError) else output.INTERRUPTED
        except (KeyboardInterrupt, Stopped):
            code = output.INTERRUPTED
        else:
            return
        raise typer.Exit(code)

    return run
