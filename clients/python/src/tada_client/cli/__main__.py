"""Runs the command `tada`."""

import sys


def main() -> None:
    try:
        from tada_client.cli.app import app
    except KeyboardInterrupt:
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "typer"):
            raise
        print("The command needs more than the library: pip install 'tada-client[cli]'", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    app(prog_name="tada")


if __name__ == "__main__":
    main()
