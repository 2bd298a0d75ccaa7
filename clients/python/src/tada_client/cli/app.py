"""The commands, and what is the same for all of them."""

from typing import Annotated

import typer

from tada_client import __version__
from tada_client.cli import address, catalog, config, operating, session, syncing, upload
from tada_client.cli.running import handled

app = typer.Typer(
    name="tada",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Upload pictures to a TADA, find them, change them, and get their addresses.\n\n"
    "TADA_URL, TADA_TOKEN and TADA_NAMESPACE say which TADA is meant, or a profile (`tada config`).",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tada {__version__}")
        raise typer.Exit


@app.callback()
def start(
    profile: Annotated[str, typer.Option("--profile", "-p", help="The profile that is meant.")] = "",
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    session.use_profile(profile)


_UPLOADS, _CATALOG, _OPERATING = "Uploading", "The catalog", "Operating"
for command, panel in (
    (upload.upload, _UPLOADS),
    (syncing.sync, _UPLOADS),
    (catalog.ls, _CATALOG),
    (catalog.search, _CATALOG),
    (catalog.show, _CATALOG),
    (address.url, _CATALOG),
    (catalog.edit, _CATALOG),
    (catalog.expire, _CATALOG),
    (catalog.mv, _CATALOG),
    (catalog.rm, _CATALOG),
    (catalog.restore, _CATALOG),
    (catalog.versions, _CATALOG),
    (catalog.purge, _CATALOG),
    (catalog.warm, _CATALOG),
    (operating.events, _OPERATING),
    (operating.jobs, _OPERATING),
    (operating.dump, _OPERATING),
    (operating.restore_dump, _OPERATING),
    (operating.doctor, _OPERATING),
):
    app.command(rich_help_panel=panel)(handled(command))
app.command(rich_help_panel=_OPERATING, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    handled(operating.migrate)
)
app.add_typer(config.app, name="config", rich_help_panel=_OPERATING)
