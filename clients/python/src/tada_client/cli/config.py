"""`tada config`: the profiles in the file."""

import os
import sys
from dataclasses import replace
from typing import Annotated, Any

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
    all_ = [_shown(found, name) for name in sorted(found.profiles)]
    if as_json:
        for one in all_:
            output.line(one)
        return
    rows = [("*" if one["used"] else "", one["name"], one["url"], one["namespace"], one["token"]) for one in all_]
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
    as_json: Json = False,
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
    found = Profiles({**found.profiles, name: changed}, found.used or name)
    _write(found)
    _tell(found, name, f"{name} is kept in {profiles.path(os.environ)}", as_json)


def _secret(given: str | None, what: str) -> str | None:
    if given != "-":
        return given
    return typer.prompt(what, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline().strip()


@app.command("use")
@handled
def use_profile(name: Name, as_json: Json = False) -> None:
    """Use a profile from now on."""
    found = _read()
    if name not in found.profiles:
        stop(f"There is no profile {name!r}. Known: {', '.join(sorted(found.profiles)) or 'none'}.")
    found = replace(found, used=name)
    _write(found)
    _tell(found, name, f"{name} is used from now on", as_json)


@app.command("remove")
@handled
def remove_profile(name: Name, as_json: Json = False) -> None:
    """Forget a profile."""
    found = _read()
    if name not in found.profiles:
        stop(f"There is no profile {name!r}. Known: {', '.join(sorted(found.profiles)) or 'none'}.")
    rest = {other: profile for other, profile in found.profiles.items() if other != name}
    _write(Profiles(rest, "" if found.used == name else found.used))
    _tell(found, name, f"{name} is forgotten", as_json)


def _tell(found: Profiles, name: str, said: str, as_json: bool) -> None:
    output.document(_shown(found, name)) if as_json else typer.echo(said)


def _shown(found: Profiles, name: str) -> dict[str, Any]:
    """Return a profile without its secrets."""
    profile = found.profiles[name]
    secret = "command" if profile.token_command else "set" if profile.token else "none"
    return {
        "name": name,
        "used": name == found.used,
        "url": profile.url,
        "namespace": profile.namespace,
        "token": secret,
    }
