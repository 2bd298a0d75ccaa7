"""The commands for whoever operates a TADA: jobs, dumps, what happens, and whether all is well."""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from tada_client import Client, Forbidden, NotFound, Retries, TadaError, Unauthorized
from tada_client.cli import output, session
from tada_client.cli.output import stop
from tada_client.cli.session import DryRun, Json, Yes

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")]


def jobs(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[ID | cancel ID]", help="Show one; cancel one; without an id, list the latest ones."),
    ] = [],
    run: Annotated[str, typer.Option("--run", help="Have a job done, such as sync or expire.")] = "",
    arguments: Annotated[list[str], typer.Option("--arg", "-a", help="An argument of it, such as dry_run=true.")] = [],
    name: Annotated[str, typer.Option(help="Only jobs of this name.")] = "",
    status: Annotated[
        str, typer.Option(help="Only queued, running, retrying, done, stopped, failed or cancelled ones.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 20,
    wait: Wait = True,
    as_json: Json = False,
) -> None:
    """List jobs, show one, have one done, or cancel one."""
    job_id, cancels = _which_job(words, run)
    with session.client() as client:
        if not (run or job_id):
            found = client.jobs(name=name, status=status, limit=limit)
            if as_json:
                for job in found:
                    output.line(job.raw)
                return
            rows = [(job.id, job.status, job.raw.get("asked_by"), job.raw.get("queued_at")) for job in found]
            output.table(("job", "status", "asked by", "since"), rows)
            return
        if cancels:
            job = client.cancel_job(job_id)
            job = client.wait(job) if wait else job
            _tell(job.raw, as_json)
            raise typer.Exit(output.OK if job.status == "cancelled" or not job.has_ended else output.SOME_FAILED)
        job = session.run_job(client, run, dict(map(_argument, arguments)), wait=wait) if run else client.job(job_id)
        _tell(job.raw, as_json)
        raise typer.Exit(output.SOME_FAILED if job.status in ("failed", "stopped", "cancelled") else output.OK)


def _which_job(words: list[str], run: str) -> tuple[str, bool]:
    """Return the id of a job, `` for none, and whether it is to be cancelled."""
    if not words:
        return "", False
    if words == ["cancel"]:
        stop("Which job? `tada jobs cancel ID`; `tada jobs` lists them.")
    cancels = words[0] == "cancel"
    if run or len(words) != 1 + cancels:
        said = " ".join(words)
        stop(f"{said!r} is not the id of one job. `tada jobs ID` shows one, `tada jobs cancel ID` cancels one.")
    return words[-1], cancels


def _argument(text: str) -> tuple[str, Any]:
    name, value = session.pair(text)
    try:
        return name, float(value) if name == "max_percent" else value
    except ValueError:
        stop(f"{text!r}: {name} is a number.")


def _tell(raw: Any, as_json: bool) -> None:
    if as_json:
        output.document(raw)
        return
    shown = {name: value for name, value in raw.items() if value not in (None, {}, [])}
    result = shown.pop("result", {})
    error = shown.pop("error", None)
    output.pairs(shown | {f"result.{name}": value for name, value in result.items()})
    if error:
        output.warn(f"{error.get('message', '')} {error.get('hint', '')}".strip())


def dump(
    name: Annotated[str, typer.Option(help="A name of its own, such as before-the-move.")] = "",
    kind: Annotated[str, typer.Option("--format", help="json or rdb; without it, both.")] = "",
    show_all: Annotated[bool, typer.Option("--list", help="List the dumps there are.")] = False,
    get: Annotated[str, typer.Option("--get", help="Download this file of a dump, or latest.")] = "",
    to: Annotated[Path, typer.Option("--to", help="Where it goes: a folder or a file.")] = Path(),
    as_json: Json = False,
) -> None:
    """Dump the catalog, list the dumps, or download one."""
    with session.client() as client:
        if show_all:
            found = client.dumps()
            if as_json:
                for each in found:
                    output.line(each.raw)
                return
            rows = [(", ".join(each.files.values()), each.records, "latest" if each.latest else "") for each in found]
            output.table(("files", "entries", ""), rows, right=("entries",))
            return
        if get:
            path = client.download_dump(get, to / f"{get}.json" if get == "latest" and to.is_dir() else to)
            output.document({"file": str(path)}) if as_json else typer.echo(path)
            return
        job = session.run_job(client, "create_dump", {"filename": name, "format": kind})
        if as_json or job.status != "done":
            _tell(job.raw, as_json)
        else:
            files = (job.result or {}).get("files", {})
            typer.echo(", ".join(file["filename"] for file in files.values()))
        raise typer.Exit(output.OK if job.status == "done" else output.SOME_FAILED)


def restore_dump(
    name: Annotated[str, typer.Argument(help="The file of a dump; without it, the latest one.")] = "latest",
    skip_invalid: Annotated[bool, typer.Option("--skip-invalid", help="Leave out what cannot be understood.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Replace the whole catalog by a dump: first a trial, then a question."""
    with session.client() as client:
        given: dict[str, Any] = {"filename": name, "skip_invalid": skip_invalid}
        trial = session.run_job(client, "restore_dump", given | {"dry_run": True})
        if dry_run or trial.status != "done":
            _tell(trial.raw, as_json)
            raise typer.Exit(output.OK if trial.status == "done" else output.SOME_FAILED)
        details = (trial.result or {}).get("details", {})
        there, count = client.count(), details.get("itemsRestored")
        question = f"The catalog has {there} entries. {count} of {details.get('filename')} take their place. Go on?"
        if not output.confirmed(question, yes):
            raise typer.Exit(output.SOME_FAILED)
        job = session.run_job(client, "restore_dump", given)
        _tell(job.raw, as_json)
        raise typer.Exit(output.OK if job.status == "done" else output.SOME_FAILED)


def migrate(context: typer.Context, as_json: Json = False) -> None:
    """Move an installation of the older service here, with --do; without it, say what would happen: docs/migrating.md.

    Run it in the folder of TADA's source, on the machine that has its storage. What follows is passed on, such as
    --settings older.env --dump dump.json --files /srv/media. With --json, each entry is a line on stdout.
    """
    if not Path("tools/migrate/__main__.py").is_file():
        stop(
            "Run this in the folder of TADA's source, on the machine that has its storage: docs/migrating.md says how."
        )
    own = Path(".venv/bin/python")  # It has what the services need; this command may be installed elsewhere.
    command = [str(own) if own.exists() else sys.executable, "-m", "tools.migrate", *context.args]
    if not as_json:
        raise typer.Exit(_run(command))
    if any(given.partition("=")[0] == "--report" for given in context.args):
        stop("--json and --report say the same: choose one.")
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        code = _run([*command, "--report", str(report)], stdout=sys.stderr.fileno())
        for line in report.open(encoding="utf-8") if report.exists() else ():
            output.line(json.loads(line))
    raise typer.Exit(code)


def _run(command: list[str], stdout: int | None = None) -> int:
    """Run a program that gets Ctrl-C, too, and return what it ends with."""
    with subprocess.Popen(command, stdout=stdout) as program:  # noqa: S603
        while True:
            try:
                return program.wait()
            except KeyboardInterrupt:
                continue  # It has got it, and says what is left to do.


def events(
    after: Annotated[str, typer.Option(help="Begin after this event; 0 is the first one that is known.")] = "",
    kinds: Annotated[list[str], typer.Option("--kind", help="Only these, such as asset.created.")] = [],
    folder: Annotated[str, typer.Option("--folder", "-f", help="Only of assets in this folder.")] = "",
    namespace: Annotated[str, typer.Option(help="Only of this namespace.")] = "",
    history: Annotated[str, typer.Option("--history", help="What has happened to this asset, and no more.")] = "",
    as_json: Json = False,
) -> None:
    """Follow what happens, until Ctrl-C. After a break it goes on where it was."""
    with session.client() as client:
        if history:
            for raw in client.history(history):
                output.line(raw) if as_json else typer.echo(_event(raw))
            return
        given: dict[str, Any] = {"kind": kinds, "folder": folder or None, "namespace": namespace or None}
        for event in client.follow(after, **given):
            if as_json:
                output.line({"event": event.name, "id": event.id, "data": event.data})
            elif event.name == "change":
                typer.echo(_event(event.data))
            elif event.name == "reset":
                output.say(
                    "Following from now on." if event.data.get("reason") == "start" else "Events are missing here."
                )


def _event(data: Any) -> str:
    changed = ", ".join(f"{name}={value!r}" for name, value in (data.get("after") or {}).items())
    return output.plain(f"{data['time'][:19]}  {data['kind']:<16} {data.get('unique_name') or ''}  {changed}".rstrip())


def doctor(as_json: Json = False) -> None:
    """Look whether this machine reaches TADA, and what its token may do."""
    found: list[tuple[str, bool, str]] = []
    chosen = session.profile()
    with session.client(retries=Retries(attempts=1)) as client:
        reached = _look(found, "service", lambda: _ready(client), f"{chosen.url} is ready")
        if reached:
            _look(found, "token", lambda: _sender(client), "")
            _look(found, "namespace", lambda: _namespace(client, chosen.namespace), "")
            _look(found, "search", lambda: client.count(), "the index answers")
            _look(found, "addresses", lambda: _edge(client), "")
            _look(found, "clock", lambda: _clock(chosen.url), "")
    if as_json:
        output.document([{"what": what, "ok": ok, "says": says} for what, ok, says in found])
    else:
        for what, ok, says in found:
            output.out.print(f"{'[green]ok[/]  ' if ok else '[red]bad[/] '} {what:<10} {escape(output.plain(says))}")
    if not all(ok for _, ok, _ in found):
        raise typer.Exit(output.NOT_REACHED if not found[0][1] else output.SOME_FAILED)


def _look(found: list[tuple[str, bool, str]], what: str, look: Any, well: str) -> bool:
    try:
        said = look()
    except (TadaError, httpx.HTTPError) as error:
        found.append((what, False, str(error)))
        return False
    found.append((what, True, well or said))
    return True


def _ready(client: Client) -> None:
    client.readiness()


def _sender(client: Client) -> str:
    try:
        about = client.about()
    except (Unauthorized, Forbidden) as error:
        raise type(error)(error.message, hint="Set TADA_TOKEN, or `tada config set NAME --token …`.") from None
    limited = "all namespaces" if about.sender_namespaces is None else ", ".join(about.sender_namespaces)
    return f"{about.sender} may {about.role} in {limited}"


def _namespace(client: Client, namespace: str) -> str:
    there = client.about().namespaces
    if namespace and namespace not in there:
        raise NotFound(f"There is no namespace {namespace}.", hint=f"There are {', '.join(there)}.")
    return namespace or f"none is set; there are {', '.join(there)}"


def _edge(client: Client) -> str:
    address = client.about().assets_url
    if "://" not in address:
        return f"{address} below your domain (PUBLIC_URL is not set)"
    status = httpx.get(f"{address}/full/none/none.webp", timeout=10).status_code
    if status not in (403, 404):
        raise NotFound(f"{address} answers {status} and not 404.", hint="Is PUBLIC_URL the address of the edge?")
    return f"{address} is answered by the edge"


def _clock(url: str) -> str:
    date = httpx.get(f"{url.rstrip('/')}/readiness-check", timeout=10).headers.get("date", "")
    difference = abs(time.time() - time.mktime(time.strptime(date, "%a, %d %b %Y %H:%M:%S %Z")) + time.timezone)
    if difference > 60:
        raise NotFound(f"The clocks differ by {difference:.0f} s.", hint="Signatures end by the clock of the service.")
    return "the same as that of the service"
