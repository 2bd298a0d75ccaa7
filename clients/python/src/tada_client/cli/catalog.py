"""The commands about what is in the catalog."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

import typer

from tada_client import Client, Conditions, Entry, Fields, names
from tada_client.cli import output, session
from tada_client.cli.output import stop
from tada_client.cli.session import DryRun, Folder, Json, Missing, Ref, Tags, Types, Where, Yes

_MANY = 100
"""A deletion of more needs their number."""


def ls(
    path: Annotated[str, typer.Argument(help="A folder such as /DEV/pets; without it, the namespaces.")] = "/",
    trash: Annotated[bool, typer.Option("--trash", help="What was deleted and can be brought back.")] = False,
    long: Annotated[bool, typer.Option("--long", "-l", help="More about each asset.")] = False,
    as_json: Json = False,
) -> None:
    """List a folder."""
    folder = "/" + path.strip("/")
    with session.client() as client:
        if trash:
            _list_trash(client, folder, as_json)
            return
        folders = list(client.folders(folder))
        assets = client.search(folder=folder, sort="name") if folder != "/" else iter(())
        if as_json:
            for each in folders:
                output.line(each.raw)
            for entry in assets:
                output.line(entry.raw)
            return
        rows = [(f"{each.path}/", each.all_entries, output.size(each.all_bytes)) for each in folders]
        output.table(("folder", "assets", "size"), rows, right=("assets", "size"))
        count = output.entries(assets, long)
        if not folders and not count and output.out.is_terminal:
            output.say(f"{folder} is empty.")


def _list_trash(client: Client, folder: str, as_json: bool) -> None:
    deleted = client.trash("" if folder == "/" else folder)
    if as_json:
        for each in deleted:
            output.line(each.raw)
        return
    rows = [(each.entry.unique_name, each.deleted_date, each.ends_date, each.id) for each in deleted]
    output.table(("path", "deleted", "until", "id"), rows)


def search(
    words: Annotated[list[str], typer.Argument(help="Words that all have to be found.")] = [],
    folder: Folder = "",
    tags: Tags = [],
    types: Types = [],
    missing: Missing = "",
    where: Where = [],
    sort: Annotated[
        str,
        typer.Option(
            help="uploaded_date, updated_date, expiration_date, visible_from, name or size; a minus reverses it."
        ),
    ] = ("-uploaded_date"),
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 100,
    count: Annotated[bool, typer.Option("--count", help="Only say how many there are.")] = False,
    long: Annotated[bool, typer.Option("--long", "-l", help="More about each asset.")] = False,
    as_json: Json = False,
) -> None:
    """Find assets."""
    wanted = session.conditions(words, folder, tags, types, missing, where)
    with session.client() as client:
        if count:
            total = client.count(**wanted)
            output.document({"count": total}) if as_json else typer.echo(total)
            return
        found = islice(client.search(sort=sort, page=min(limit, 500), **wanted), limit)
        if as_json:
            for entry in found:
                output.line(entry.raw)
            return
        if output.entries(found, long) == limit:
            output.say(f"There may be more than {limit}: --limit says how many are shown.")


def show(ref: Ref, as_json: Json = False) -> None:
    """Show all that is known of an asset."""
    with session.client() as client:
        entry = client.get(ref)
        if as_json:
            output.document(entry.raw)
            return
        output.pairs({name: value for name, value in entry.raw.items() if value not in (None, "", [], {})})


Refs = Annotated[list[str], typer.Argument(help="Paths, uuids or addresses; or none, and conditions instead.")]


def edit(
    refs: Refs = [],
    title: Annotated[str | None, typer.Option(help="An empty text removes it.")] = None,
    alt: Annotated[str | None, typer.Option(help="What it shows.")] = None,
    caption: Annotated[str | None, typer.Option(help="What stands below it.")] = None,
    credit: Annotated[str | None, typer.Option(help="Who made it.")] = None,
    external_id: Annotated[str | None, typer.Option(help="Your own id.")] = None,
    information: Annotated[str | None, typer.Option(help="Your own text.")] = None,
    add_tags: Annotated[list[str], typer.Option("--add-tag", help="Add this tag.")] = [],
    remove_tags: Annotated[list[str], typer.Option("--remove-tag", help="Remove this tag.")] = [],
    focus: Annotated[str, typer.Option(help="The point of cuts, as 0.2,0.5 from the upper left; or none.")] = "",
    words: Annotated[str, typer.Option("--search", "-q", help="All that has these words, instead of names.")] = "",
    folder: Folder = "",
    tags: Tags = [],
    types: Types = [],
    missing: Missing = "",
    where: Where = [],
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Change fields of assets: of those that are named, or of all that a search finds."""
    texts = {
        "title": title,
        "alt": alt,
        "caption": caption,
        "credit": credit,
        "external_id": external_id,
        "information": information,
    }
    fields: dict[str, Any] = {name: value or None for name, value in texts.items() if value is not None}
    if not (fields or add_tags or remove_tags or focus):
        stop("What is to be changed? `tada edit --help` lists the fields.")
    wanted = session.conditions([words] if words else [], folder, tags, types, missing, where)
    with session.client() as client:
        if refs:
            if wanted:
                stop("Name assets, or say which are meant by conditions, not both.")
            if focus:
                fields["focus"] = _point(focus)
            _edit_each(client, refs, fields, add_tags, remove_tags, dry_run, as_json)
            return
        if focus:
            stop("A point of cuts is set for assets that are named.")
        change = (
            fields
            | ({"add_tags": add_tags} if add_tags else {})
            | ({"remove_tags": remove_tags} if remove_tags else {})
        )
        _act(client, wanted, "changed", change, dry_run, yes, as_json)


def _edit_each(
    client: Client, refs: list[str], fields: Any, add: list[str], remove: list[str], dry_run: bool, as_json: bool
) -> None:
    for ref in refs:
        entry = client.get(ref)
        given: Fields = dict(fields)  # type: ignore[assignment]
        if add or remove:
            kept = [tag for tag in entry.tags if tag not in remove]
            given["tags"] = list(dict.fromkeys([*kept, *add]))
        changed = entry if dry_run else client.change(entry, **given)
        if as_json:
            output.line(changed.raw)
        else:
            typer.echo(f"{entry.unique_name} {'would be' if dry_run else 'is'} changed")


def _point(text: str) -> tuple[float, float] | None:
    if text == "none":
        return None
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        stop(f"{text!r} is not a point such as 0.2,0.5.")
    return x, y


def _act(
    client: Client,
    wanted: Conditions,
    done: str,
    change: dict[str, Any] | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Change or delete what a search finds: first say what that is, then ask, then wait until it is done."""
    if not wanted:
        stop("Which assets? Name them, or say conditions such as --folder /DEV/old.")
    deletes = change is None
    trial = client.delete_many(wanted, dry_run=True) if deletes else client.change_many(wanted, change, dry_run=True)
    if not as_json:
        output.entries(trial.examples)
        if trial.count > len(trial.examples):
            output.say(f"… and {trial.count - len(trial.examples)} more.")
    if dry_run or trial.count == 0:
        output.document(trial.raw) if as_json else typer.echo(f"{trial.count} would be {done}")
        return
    if not output.confirmed(f"{trial.count} assets will be {done}. Go on?", yes):
        raise typer.Exit(output.SOME_FAILED)
    confirm = trial.count if trial.count > _MANY else None
    action = client.delete_many(wanted, confirm=confirm) if deletes else client.change_many(wanted, change)
    assert action.job is not None
    job = session.follow(client, action.job)
    result = job.result or {}
    if as_json:
        output.document(job.raw)
    else:
        typer.echo(f"{result.get('done_count', 0)} of {trial.count} {done}")
    if job.status != "done" or result.get("failed_count") or result.get("skipped_count"):
        output.warn(f"The job {job.id} is {job.status}. `tada jobs {job.id}` says more.")
        raise typer.Exit(output.SOME_FAILED)


def rm(
    refs: Refs = [],
    words: Annotated[str, typer.Option("--search", "-q", help="All that has these words, instead of names.")] = "",
    folder: Folder = "",
    tags: Tags = [],
    types: Types = [],
    missing: Missing = "",
    where: Where = [],
    for_good: Annotated[bool, typer.Option("--for-good", help="Not into the trash.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete assets: those that are named, or, after a question, all that a search finds."""
    wanted = session.conditions([words] if words else [], folder, tags, types, missing, where)
    with session.client() as client:
        if not refs:
            if for_good:
                stop("--for-good is for assets that are named.")
            _act(client, wanted, "deleted", None, dry_run, yes, as_json)
            return
        if wanted:
            stop("Name assets, or say which are meant by conditions, not both.")
        # All of them are there before the first one is deleted.
        found = [client.get(ref) for ref in refs]
        if for_good and not dry_run and not output.confirmed(f"{len(found)} assets cannot be brought back.", yes):
            raise typer.Exit(output.SOME_FAILED)
        for entry in found:
            trash_id = "" if dry_run else client.delete(entry)
            if for_good and trash_id:
                client.delete_for_good(trash_id)
            _tell_deleted(entry, "" if for_good else trash_id, dry_run, as_json)


def _tell_deleted(entry: Entry, trash_id: str, dry_run: bool, as_json: bool) -> None:
    if as_json:
        output.line({"uuid": entry.uuid, "unique_name": entry.unique_name, "trash_id": trash_id, "dry_run": dry_run})
        return
    back = f"; `tada restore {trash_id}` brings it back" if trash_id else ""
    typer.echo(f"{entry.unique_name} {'would be' if dry_run else 'is'} deleted{back}")


def expire(
    refs: Annotated[list[str], typer.Argument(help="Paths, uuids or addresses.")],
    at: Annotated[str, typer.Option(help="When, such as 2027-01-31T18:00+01:00. Without it, now.")] = "",
    never: Annotated[bool, typer.Option("--never", help="Make them valid again, without an end.")] = False,
    as_json: Json = False,
) -> None:
    """Stop delivering assets, now or at a time."""
    if at and never:
        stop("Say --at or --never, not both.")
    fields: Fields = {"expired": True}
    if never:
        fields = {"expired": False, "expiration_date": None}
    elif at:
        fields = {"expired": False, "expiration_date": _date(at)}
    with session.client() as client:
        for ref in refs:
            entry = client.change(ref, **fields)
            if as_json:
                output.line(entry.raw)
            else:
                until = f" from {entry.expiration_date:%Y-%m-%d %H:%M} UTC on" if at and entry.expiration_date else ""
                typer.echo(f"{entry.unique_name} is {'delivered' if never else 'not delivered'}{until}")


def _date(text: str) -> datetime:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        stop(f"{text!r} is not a date such as 2027-01-31T18:00+01:00.")
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


def mv(
    ref: Ref,
    to: Annotated[str, typer.Argument(help="A name, a folder that ends in /, or a whole path.")],
    as_json: Json = False,
) -> None:
    """Give an asset another path. Its old addresses lead to the new one."""
    with session.client() as client:
        entry = client.get(ref)
        destination, filename = _split(to, entry.namespace)
        moved = client.move(entry, destination=destination, filename=filename)
        output.document(moved.raw) if as_json else typer.echo(f"{entry.unique_name} is {moved.unique_name} now")


def _split(to: str, namespace: str) -> tuple[str | None, str | None]:
    folder, slash, filename = to.rpartition("/")
    if not slash:
        return None, filename
    if to.startswith("/"):
        first, _, folder = folder.strip("/").partition("/")
        if first != namespace:
            stop(f"An asset stays in its namespace: the path must begin with /{namespace}/.")
    return folder.strip("/"), filename or None


def restore(
    ref: Annotated[str, typer.Argument(help="A path, a uuid or an address; of a deleted asset also its id.")],
    version: Annotated[int, typer.Option("--version", help="Bring back the file of this version.")] = 0,
    as_json: Json = False,
) -> None:
    """Bring back a deleted asset, or an earlier version of one."""
    with session.client() as client:
        entry = client.restore_version(ref, version) if version else client.restore(ref)
        output.document(entry.raw) if as_json else typer.echo(f"{entry.unique_name} is version {entry.version} now")


def versions(ref: Ref, as_json: Json = False) -> None:
    """List the earlier versions of an asset."""
    with session.client() as client:
        found = client.versions(ref)
        if as_json:
            for entry in found:
                output.line(entry.raw)
            return
        rows = [
            (each.version, each.raw.get("replaced_date"), output.size(each.size), each.signature[:12]) for each in found
        ]
        output.table(("version", "replaced", "size", "signature"), rows, right=("version", "size"))


def purge(
    refs: Annotated[list[str], typer.Argument(help="Paths, uuids or addresses.")],
    as_json: Json = False,
) -> None:
    """Have every cache ask anew for all forms of assets.

    TADA does so by itself after every change. This is for what is no change: other presets, or a repaired file.
    """
    with session.client() as client:
        for ref in refs:
            done = client.purge(ref)
            if as_json:
                output.line({"asset": ref, "purged": "done" if done else "queued"})
            else:
                typer.echo(f"{ref} is purged" if done else f"{ref} will be purged when all caches can be reached")


def warm(
    target: Annotated[str, typer.Argument(help="A folder such as /DEV/shop, or an asset; without it, all.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")] = True,
    as_json: Json = False,
) -> None:
    """Have renditions made before anybody asks for them: the presets that the setting WARM names."""
    with session.client() as client:
        if names.is_reference(target):
            job = client.warm(target, wait=False)
            job = session.follow(client, job) if wait else job
        else:
            job = session.run_job(client, "warm", {"folder": target}, wait=wait)
        if as_json:
            output.document(job.raw)
        else:
            result = job.result or {}
            typer.echo(
                f"{job.id}: {job.status}, {result.get('warmed_count', 0)} of {result.get('checked', 0)} assets warm"
            )
        raise typer.Exit(output.OK if job.status in ("done", "queued", "running") else output.SOME_FAILED)
