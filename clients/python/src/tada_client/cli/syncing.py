"""`tada sync`: makes one side like the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tada_client import Client, Entry, TadaError, flows, names
from tada_client.cli import local, output, session, transfer, upload
from tada_client.cli.session import DryRun, Json, Yes
from tada_client.cli.transfer import Bar, Item, Outage, Report, Workers, failed, timed
from tada_client.cli.upload import Exclude, Include, Jobs, ReportFile
from tada_client.cli.uploading import Conflict, Target
from tada_client.wire import FileSource

_Pair = tuple[Entry, local.LocalFile]


def sync(
    folder: Annotated[Path, typer.Argument(help="A folder of this machine.")],
    target: Annotated[str, typer.Argument(help="A folder of TADA, such as /DEV/shop.")] = "",
    down: Annotated[bool, typer.Option("--down", help="Make the folder here like TADA.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Also delete what the other side does not have.")] = False,
    include: Include = [],
    exclude: Exclude = [],
    parallel: Jobs = 6,
    dry_run: DryRun = False,
    yes: Yes = False,
    report_file: ReportFile = None,
    as_json: Json = False,
) -> None:
    """Make a folder of TADA like a folder here, or with --down the other way round.

    What is another picture is replaced. What is the same is not sent. Nothing is deleted without --delete, and then
    only after a question.
    """
    namespace, destination = upload.place(target)
    place = Target(namespace, destination, {})
    if not down and not folder.is_dir():
        output.stop(f"{folder} is not a folder.")
    report = (
        _down(folder, place, include, exclude, parallel, delete, dry_run, yes)
        if down
        else _up(folder, place, include, exclude, parallel, delete, dry_run, yes)
    )
    transfer.tell(report, "Down" if down else "Up", as_json, report_file)
    raise typer.Exit(report.code)


def _up(
    folder: Path,
    target: Target,
    include: list[str],
    exclude: list[str],
    parallel: int,
    delete: bool,
    dry_run: bool,
    yes: bool,
) -> Report:
    report = upload.transfer_up(folder, target, Conflict.REPLACE, include, exclude, parallel, dry_run)
    if not delete or report.interrupted:
        return report
    # What was sent is kept whatever the service calls it.
    kept = {path for file in local.files_of(folder) for path in target.paths_of(file)}
    kept |= {item.unique_name for item in report.items}
    with session.client() as client:
        types = client.about().media_types
        gone = [
            entry
            for entry in client.search(folder=target.folder, recursive=True, sort="name")
            if entry.unique_name not in kept
            # What the patterns leave out is nobody's here.
            and local.is_wanted(_here(folder, target, entry), include, exclude, (*types, entry.original_mimetype))
        ]
        if gone and _may_delete([entry.unique_name for entry in gone], "TADA", dry_run, yes):
            for entry in gone:
                try:
                    client.delete(entry)
                except TadaError as error:
                    report.items.append(failed(entry.unique_name, error))
                else:
                    report.items.append(Item(entry.unique_name, "deleted", entry.size, entry.unique_name, entry.uuid))
    return report


def _may_delete(paths: Sequence[str], where: str, dry_run: bool, yes: bool) -> bool:
    for path in paths[:20]:
        output.say(f"{'would' if dry_run else 'will'} be deleted: {path}")
    if len(paths) > 20:
        output.say(f"… and {len(paths) - 20} more.")
    if dry_run:
        output.say(f"{len(paths)} would be deleted in {where}.")
        return False
    return output.confirmed(f"{len(paths)} will be deleted in {where}. Go on?", yes)


def _down(
    folder: Path,
    target: Target,
    include: list[str],
    exclude: list[str],
    parallel: int,
    delete: bool,
    dry_run: bool,
    yes: bool,
) -> Report:
    workers = Workers(parallel)
    report = Report()
    with session.client(connections=parallel + 1, sleep=workers.sleep, retries=upload.PATIENT) as client:
        found = client.search(folder=target.folder, recursive=True, sort="name", page=500)
        there = [(entry, _here(folder, target, entry)) for entry in found]
        wanted = [
            (entry, file)
            for entry, file in there
            if local.is_wanted(file, include, exclude, (entry.original_mimetype, file.media_type))
        ]
        if dry_run:
            report.items = [
                Item(file.relative, "same" if _is_same(entry, file) else "would be sent", entry.size)
                for entry, file in wanted
            ]
        else:
            _fetch(client, workers, wanted, report)
        types = client.about().media_types
    if delete and not report.interrupted:
        kept = {file.path for _, file in there}
        # What is not sent, as it has another type or is left out, cannot be missing there.
        known = [file for file in local.files_of(folder) if local.is_wanted(file, include, exclude, types)]
        _delete_here(folder, [file for file in known if file.path not in kept], report, dry_run, yes)
    return report


def _here(folder: Path, target: Target, entry: Entry) -> local.LocalFile:
    """Return the file that an entry is here: under the name of its upload."""
    below = entry.folder.removeprefix(target.folder).strip("/")
    relative = "/".join(filter(None, (below, entry.original_filename)))
    # A name of the catalog has no dots and slashes that could lead out of the folder.
    assert names.PATH.fullmatch(f"/x/{relative}"), relative
    return local.LocalFile(folder / relative, relative, entry.size, 0)


def _is_same(entry: Entry, file: local.LocalFile) -> bool:
    path = file.path
    if not path.is_file() or path.stat().st_size != entry.size:
        return False
    return flows.digest_of(FileSource(path, path.name, entry.size)) == entry.signature


def _fetch(
    client: Client,
    workers: Workers,
    wanted: Sequence[_Pair],
    report: Report,
) -> None:
    outage = Outage(workers)
    with timed(report), Bar("Downloading", len(wanted), sum(entry.size for entry, _ in wanted)) as bar:

        def do(one: _Pair) -> Item:
            entry, file = one
            try:
                if _is_same(entry, file):
                    return Item(file.relative, "same", entry.size, entry.unique_name, entry.uuid)
                file.path.parent.mkdir(parents=True, exist_ok=True)
                client.download(entry, file.path, progress=bar.of_one(workers.check))
            except (TadaError, OSError) as error:
                outage.saw(error)
                return failed(file.relative, error)
            outage.saw(None)
            return Item(file.relative, "downloaded", entry.size, entry.unique_name, entry.uuid)

        def done(one: _Pair, item: Item) -> None:
            report.items.append(item)
            bar.done(one[0].size if item.outcome in ("same", "failed") else 0)

        report.interrupted = workers.each(wanted, do, done)


def _delete_here(folder: Path, gone: Sequence[local.LocalFile], report: Report, dry_run: bool, yes: bool) -> None:
    if gone and _may_delete([file.relative for file in gone], str(folder), dry_run, yes):
        for file in gone:
            file.path.unlink(missing_ok=True)
            report.items.append(Item(file.relative, "deleted", file.size))
