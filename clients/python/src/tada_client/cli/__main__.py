"""Runs the command `tada`."""

import sys


def main() -> None:
    try:
        import rich  # noqa: F401
        import typer  # noqa: F401
    except ImportError:
        sys.exit("The command needs more than the library: pip install 'tada-client[cli]'")
    from tada_client.cli.app import app

    app(prog_name="tada")


if __name__ == "__main__":
    main()
