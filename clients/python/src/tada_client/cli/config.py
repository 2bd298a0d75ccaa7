"""`tada config`: the profiles in the file."""

import os
import sys
from dataclasses import replace
from typing import Annotated

import typer

from tada_client.cli import output, profiles
from tada_client.cli.output import stop
from tada_client.cli.profiles import BadProfile, Profile, Profiles
from tada_client.cli.running import handled
from tada_client.cli.session import Json

app = typer.Typer(
    help="Name several TADAs. TADA_URL, TADA_TOKEN and TADA_NAMESPACE go before the file.", no_args_is_help=True
)
Name = Annotated[str, typer.Argument(help="The name of the profile.")]


def _read() -> Profiles:
    try:
        return profiles.read(profiles.path(os.environ))
    except BadProfile as error:
        stop(str(error))


def _write(found: Profiles) -> None:
    profiles.write(profiles.path(os.environ), found)


@app.command("list")
@handled
def list_profiles(as_json: Json = False) -> None:
    """List the profiles. Secrets are not shown."""
    found = _read()
    rows = []
    for name, profile in sorted(found.profiles.items()):
        secret = "command" if profile.token_command else "set" if profile.token else "none"
        if as_json:
            output.line(
                {
                    "name": name,
                    "used": name == found.used,
                    "url": profile.url,
                    "namespace": profile.namespace,
                    "token": secret,
                }
            )
        rows.append(("*" if name == found.used else "", name, profile.url, profile.namespace, secret))
    if not as_json:
        output.table(("", "name", "url", "namespace", "token"), rows)
        if not rows:
            output.say("There is no profile. `tada config set NAME --url …` makes one.")


@app.command("set")
@handled
def set_profile(
    name: Name,
    url: Annotated[str | None, typer.Option(help="Its internal entry, with API_PREFIX if it has one.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Where uploads go.")] = None,
    token: Annotated[str | None, typer.Option(help="A token; - reads it from the standard input.")] = None,
    token_command: Annotated[str | None, typer.Option(help="A command that prints the token.")] = None,
    signing_key: Annotated[str | None, typer.Option(help="One of URL_SIGNING_KEYS; - reads it.")] = None,
    signing_key_command: Annotated[str | None, typer.Option(help="A command that prints that key.")] = None,
) -> None:
    """Make a profile, or change one. The first one is used until `use` says another."""
    given = {
        "url": url,
        "namespace": namespace,
        "token": _secret(token, "Token"),
        "token_command": token_command,
        "signing_key": _secret(signing_key, "Key"),
        "signing_key_command": signing_key_command,
    }
    found = _read()
    changed = replace(
        found.profiles.get(name, Profile()), **{key: value for key, value in given.items() if value is not None}
    )
    if not changed.url.startswith(("http://", "https://")):
        stop("A profile needs --url, such as http://localhost:3001.")
    _write(Profiles({**found.profiles, name: changed}, found.used or name))
    typer.echo(f"{name} is kept in {profiles.path(os.environ)}")


def _secret(given: str | None, what: str) -> str | None:
    if given != "-":
        return given
    return typer.prompt(what, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline().strip()


@app.command("use")
@handled
def use_profile(name: Name) -> None:
    """Use a profile from now on."""
    found = _read()
    if name not in found.profiles:
        stop(f"There is no profile {name!r}. Known: {', '.join(sorted(found.profiles)) or 'none'}.")
    _write(replace(found, used=name))
    typer.echo(f"{name} is used from now on")


@app.command("remove")
@handled
def remove_profile(name: Name) -> None:
    """Forget a profile."""
    found = _read()
    if name not in found.profiles:
        stop(f"There is no profile {name!r}. Known: {', '.join(sorted(found.profiles)) or 'none'}.")
    rest = {other: profile for other, profile in found.profiles.items() if other != name}
    _write(Profiles(rest, "" if found.used == name else found.used))
    typer.echo(f"{name} is forgotten")
