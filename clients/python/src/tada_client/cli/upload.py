"""`tada upload`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tada_client import Fields, Retries
from tada_client.cli import local, session, transfer, uploading
from tada_client.cli.output import stop
from tada_client.cli.session import DryRun, Json
from tada_client.cli.transfer import Report, Workers, failed
from tada_client.cli.uploading import Conflict, Target, Uploader

PATIENT = Retries(attempts=9)
"""Half a minute: a service that is restarted is back by then."""

Include = Annotated[list[str], typer.Option("--include", help="Only files that match, such as '*.jpg' or 'shop/*'.")]
Exclude = Annotated[list[str], typer.Option("--exclude", help="No files that match, such as '*.tmp' or 'drafts/'.")]
Jobs = Annotated[int, typer.Option("--parallel", "-j", min=1, max=64, help="Requests at the same time.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Write what became of each file to FILE as JSON.")]


def upload(
    paths: Annotated[list[Path], typer.Argument(help="Folders, with all that is below them, or files.", exists=True)],
    to: Annotated[str, typer.Option("--to", help="The folder that they go to, such as /DEV/shop.")] = "",
    on_conflict: Annotated[
        Conflict, typer.Option("--on-conflict", help="If a path has another picture. The same one is never sent.")
    ] = Conflict.FAIL,
    include: Include = [],
    exclude: Exclude = [],
    tags: Annotated[list[str], typer.Option("--tag", "-t", help="Give them this tag.")] = [],
    credit: Annotated[str, typer.Option("--credit", help="Who made them.")] = "",
    to_webp: Annotated[bool | None, typer.Option("--webp/--no-webp", help="Deliver as WebP, or as stored.")] = None,
    parallel: Jobs = 6,
    dry_run: DryRun = False,
    report_file: ReportFile = None,
    as_json: Json = False,
) -> None:
    """Upload folders and files.

    What is there already is not sent again. After Ctrl-C, a crash or an outage, the same command goes on.
    """
    fields: Fields = {}
    if tags:
        fields["tags"] = tags
    if credit:
        fields["credit"] = credit
    report = Report()
    for path in paths:
        namespace, destination = place(to)
        target = Target(namespace, destination, fields, to_webp)
        done = transfer_up(path, target, on_conflict, include, exclude, parallel, dry_run)
        report.items += done.items
        report.left_out += done.left_out
        report.seconds += done.seconds
        report.interrupted = done.interrupted
        if done.interrupted:
            break
    transfer.tell(report, "Upload", as_json, report_file)
    raise typer.Exit(report.code)


def place(folder: str) -> tuple[str, str]:
    """Return the namespace and the folders below it of `/DEV/shop`; the profile knows the namespace of `shop`."""
    known = session.profile().namespace
    first, _, rest = folder.strip("/").partition("/")
    if folder.startswith("/") and first:
        return first, rest
    if not known:
        stop("Where to? Say --to /NAMESPACE/FOLDER, or set TADA_NAMESPACE.")
    return known, folder.strip("/")


def transfer_up(
    root: Path,
    target: Target,
    on_conflict: Conflict,
    include: list[str],
    exclude: list[str],
    parallel: int,
    dry_run: bool,
) -> Report:
    """Send a folder or a file to a place; return what became of each file."""
    workers = Workers(parallel)
    report = Report()
    with session.client(connections=parallel + 1, sleep=workers.sleep, retries=PATIENT) as client:
        found = list(local.files_of(root))
        # A file that is named by the user is sent whatever it is.
        types = client.about().media_types
        wanted = found if root.is_file() else [each for each in found if local.is_wanted(each, include, exclude, types)]
        report.left_out = 0 if include or exclude else len(found) - len(wanted)
        where = (session.profile().url, target.folder, str(root.resolve()))
        state = local.State(local.state_path(os.environ, *where))
        find = uploading.lookup(client, target, wanted)
        uploader = Uploader(client, target, on_conflict, state, find)
        if on_conflict is not Conflict.RENAME:
            clashing = uploading.clashes(target, wanted)
            wanted = [file for file in wanted if file not in clashing]
            report.items += [
                failed(file.relative, FileExistsError(f"It would have the same path as {other.relative}."))
                for file, other in clashing.items()
            ]
        if dry_run:
            uploading.preview(wanted, uploader, find, report)
        else:
            uploading.send_all(client, workers, wanted, uploader, report)
    return report
