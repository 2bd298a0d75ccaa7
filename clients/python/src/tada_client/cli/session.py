"""What every command begins with: the client of the TADA that is meant, and the options that several commands have."""

import os
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from tada_client import Client, Conditions, Job, Retries
from tada_client.cli import output, profiles
from tada_client.cli.output import stop
from tada_client.cli.profiles import BadProfile, Profile

Json = Annotated[bool, typer.Option("--json", help="Print JSON: one document, or one line for each item of a list.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be done.")]
Ref = Annotated[str, typer.Argument(help="A path such as /DEV/pets/cat.webp, a uuid, or a public address.")]
Folder = Annotated[str, typer.Option("--folder", "-f", help="In this folder and those below it, such as /DEV/pets.")]
Tags = Annotated[list[str], typer.Option("--tag", "-t", help="With this tag; several demand all of them.")]
Types = Annotated[list[str], typer.Option("--type", help="Of this media type; several allow each of them.")]
Missing = Annotated[str, typer.Option("--missing", help="Without this field, such as alt.")]
Where = Annotated[
    list[str],
    typer.Option("--where", "-w", help="Any other condition of a search, such as min_width=1000 or expired=true."),
]

_profile = ""
"""What --profile says."""


def use_profile(name: str) -> None:
    global _profile
    _profile = name


def profile() -> Profile:
    try:
        return profiles.chosen(profiles.read(profiles.path(os.environ)), _profile, os.environ)
    except BadProfile as error:
        stop(str(error))


def client(
    *, connections: int = 4, sleep: Callable[[float], None] | None = None, retries: Retries | None = None
) -> Client:
    chosen = profile()
    try:
        return Client(
            chosen.url, chosen.token, namespace=chosen.namespace, connections=connections, sleep=sleep, retries=retries
        )
    except ValueError as error:
        stop(f"{error} Set TADA_URL, or `tada config set NAME --url …`.")


def run_job(client: Client, name: str, arguments: Mapping[str, Any], *, wait: bool = True) -> Job:
    """Have a job done, and follow it to its end."""
    job = client.run_job(name, arguments, wait=False)
    return follow(client, job) if wait else job


def follow(client: Client, job: Job) -> Job:
    """Return a job when it has ended. Ctrl-C ends only the wait, and says so."""
    try:
        return client.wait(job)
    except KeyboardInterrupt:
        output.say(f"The job goes on. `tada jobs {job.id}` shows it, `tada jobs cancel {job.id}` stops it.")
        raise


def conditions(
    words: list[str] | None, folder: str, tags: list[str], types: list[str], missing: str, where: list[str]
) -> Conditions:
    """Return what a search demands; the service checks names and values."""
    given: dict[str, Any] = {
        "q": " ".join(words or []),
        "folder": folder.rstrip("/"),
        "recursive": True if folder else None,
        "tag": tags,
        "type": types,
        "missing": missing,
    }
    given |= dict(map(pair, where))
    return {name: value for name, value in given.items() if value not in ("", None, [])}  # type: ignore[return-value]


def pair(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE. A number and true or false are what they look like."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        stop(f"{text!r} is not NAME=VALUE.")
    if value in ("true", "false"):
        return name, value == "true"
    if name.startswith(("min_", "max_")) and value.isascii() and value.isdigit():
        return name, int(value)
    return name, value
