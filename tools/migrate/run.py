"""What `make migrate` does: looks, says what will happen, and with `act` does it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from services.core.storage import Storage, open_storage
from services.core.storage.settings import StorageSettings
from tools.migrate import entries, move, older_settings, table, written
from tools.migrate.entries import TAKEN, Fate
from tools.migrate.older_settings import HIDDEN, Moved, Row
from tools.migrate.older_storage import Bucket, Folder, OlderStorage

DONE, FAILED, NOT_SAID, OPEN = 0, 1, 2, 3
"""The exit status. NOT_SAID: something that the operator must say is missing. OPEN: some entries need a decision."""
SKIP = "RESTORE_SKIP_INVALID"


class Undecided(Exception):
    """Something that only the operator knows is missing. The text says what."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator said. `into` is the file with the new settings, and `new` replaces single ones.

    `here` says how storages are reached from this machine: it replaces settings of both, and is not written.
    """

    settings: Path | None
    dump: Path | None
    redis: str
    files: Path | None
    new: Mapping[str, str]
    here: Mapping[str, str]
    into: Path
    report: Path | None
    leave_out: bool
    act: bool


class _Given(StorageSettings):
    """Settings of a storage from what is given alone: the environment of this process is not that of the services."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


async def migrate(wanted: Wanted) -> int:
    """Do what was wanted; return the exit status.

    Raises Undecided, SettingsUnreadable, Unwritable, EntriesUnreadable, StorageDown, RedisError and OSError.
    """
    moved = older_settings.read(wanted.settings) if wanted.settings else Moved([], {})
    decided = _decided(wanted, moved)
    if moved.values is None and not wanted.into.exists():
        written.lines(decided)  # What cannot be written is said before anything is copied.
    new = storage_of({**decided, **wanted.here})
    _show_settings(moved.rows, wanted, decided)
    _check_folders(wanted, moved, new)

    values = await _values(wanted)
    async with AsyncExitStack() as resources:
        storage = open_storage(new)
        await storage.open()
        resources.push_async_callback(storage.close)
        if new.delegated_storage_method == "DISTANT_BACKEND":
            return _with_distant_backend(wanted, moved, decided, entries.fates(values, {}, None))
        older = _older_storage(wanted, {**moved.environment, **wanted.here})
        await older.open()
        resources.push_async_callback(older.close)
        found = entries.fates(values, await older.sizes(), await move.sizes_of(new, storage))
        if wanted.act:
            waiting = sum(bool(fate.source) for fate in found)
            found = await move.copy(found, older, storage, move.Progress(waiting).add)
        _show_entries(found, wanted, decided)
        if not wanted.act:
            print("\nNothing was changed. Add --do to do this.")
            return OPEN if _open(found, wanted) else DONE
        return await _finish(wanted, moved, decided, found, new, storage)


async def _finish(
    wanted: Wanted, moved: Moved, decided: Mapping[str, str], found: Sequence[Fate], new: StorageSettings, to: Storage
) -> int:
    if not wanted.into.exists():
        _write_settings(wanted, moved, decided)
    if _open(found, wanted):
        print(
            "\nAll files that could be copied are copied. The catalog was not written, because some entries need a "
            "decision (above). Find their files and run this again, or add --leave-out to go without these entries."
        )
        return OPEN
    taken = [fate for fate in found if fate.what in TAKEN]
    filename = await move.store_catalog(taken, new, to)
    print(
        f"\n{len(taken)} entries are in {filename} in the new storage, and the settings in {wanted.into}. A TADA that "
        f"starts with these settings on a Redis without a catalog restores it. A TADA that runs already: "
        f"POST /catalog/restore-dump?filename={filename}"
    )
    return DONE


def _with_distant_backend(wanted: Wanted, moved: Moved, decided: Mapping[str, str], found: Sequence[Fate]) -> int:
    _show_entries(found, wanted, decided)
    print(
        "\nFiles and dumps stay at the distant backend, and were not looked for. TADA restores the latest dump of the "
        "backend when it starts on a Redis without a catalog: let the older service make one first (create-dump)."
    )
    if _open(found, wanted):
        print(
            "TADA would refuse such a dump, because some entries need a decision (above). Mend them in the older "
            "service, or add --leave-out to go without them."
        )
        return OPEN
    if any(fate.what not in TAKEN for fate in found) and decided.get(SKIP, "").lower() != "true":
        print(f"{wanted.into} is there already, so --leave-out does not change it. Add {SKIP}=true to its settings.")
        return OPEN
    if wanted.act and not wanted.into.exists():
        _write_settings(wanted, moved, decided)
    return DONE


def _decided(wanted: Wanted, moved: Moved) -> dict[str, str]:
    """Return the new settings: those of the file if it is there, or else what follows from the older ones."""
    if wanted.into.exists():
        written_before = (
            written.environment(wanted.into) if moved.values is None else older_settings.read(wanted.into).environment
        )
        return {**written_before, **wanted.new}
    return {**moved.environment, **_new(wanted, moved)}


def _new(wanted: Wanted, moved: Moved) -> dict[str, str]:
    """Return the settings that do not come from the older ones: which dump is restored, and what the operator said."""
    method = {**moved.environment, **wanted.new}.get("DELEGATED_STORAGE_METHOD")
    is_distant = method == "DISTANT_BACKEND"
    restore = {
        "RESTORE_ON_INIT": "true",
        "DUMP_FILE_NAME_ON_INIT": "latest" if is_distant else f"{move.CATALOG}.json",
    }
    if is_distant and wanted.leave_out:
        restore[SKIP] = "true"  # The backend's own dump has these entries.
    return {**restore, **wanted.new}


def storage_of(environment: Mapping[str, str]) -> StorageSettings:
    """Return the settings of the storage among others; raises Undecided."""
    known: dict[str, Any] = {
        name: environment[name.upper()] for name in _Given.model_fields if environment.get(name.upper())
    }
    try:
        return _Given(**known)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, one['loc'])).upper()} {one['msg']}".strip() for one in error.errors())
        raise Undecided(f"The settings of the storage are not valid: {said}") from None


def _check_folders(wanted: Wanted, moved: Moved, new: StorageSettings) -> None:
    """Raise Undecided if the folders of local files are not known here, or cannot be written."""
    if new.backend.remote:
        return
    if moved.values is not None and not {"DATA_FOLDER_PATH", "DUMP_FOLDER_PATH"} <= wanted.here.keys():
        raise Undecided(
            "In the cluster the files and dumps of TADA are on volumes. Say where they are mounted here: "
            "--here DATA_FOLDER_PATH=… --here DUMP_FOLDER_PATH=…"
        )
    for name, folder in (("DATA_FOLDER_PATH", new.data_folder_path), ("DUMP_FOLDER_PATH", new.dump_folder_path)):
        if folder is not None and not _may_write(folder.absolute()):
            raise Undecided(f"{name} is {folder}, which you may not write. Choose another: --new {name}=…")


def _may_write(folder: Path) -> bool:
    if folder.exists():
        return folder.is_dir() and os.access(folder, os.W_OK)
    return _may_write(folder.parent)


def _older_storage(wanted: Wanted, source: Mapping[str, str]) -> OlderStorage:
    if wanted.files:
        return Folder(wanted.files)
    if source.get("DELEGATED_STORAGE_METHOD") == "S3":
        return Bucket(storage_of(source))
    raise Undecided("Say where the files of the older service are: --files FOLDER, or --settings with its S3 storage.")


async def _values(wanted: Wanted) -> list[object]:
    if wanted.dump:
        return entries.of_dump(wanted.dump)
    found = await entries.of_redis(wanted.redis)
    if not found:
        raise entries.EntriesUnreadable(
            "No entry of the older service was found in Redis. Let it make a dump (POST /catalog/create-dump), and use "
            "--dump."
        )
    return found


def _open(found: Sequence[Fate], wanted: Wanted) -> bool:
    return not wanted.leave_out and any(fate.what not in TAKEN for fate in found)


def _write_settings(wanted: Wanted, moved: Moved, decided: Mapping[str, str]) -> None:
    if moved.values is None:
        written.write_environment(wanted.into, decided)
    else:
        written.write_values(wanted.into, older_settings.with_new(moved.values, _new(wanted, moved)))


def _show_settings(rows: Sequence[Row], wanted: Wanted, decided: Mapping[str, str]) -> None:
    if rows:
        rows = [_as_decided(row, decided) for row in rows]
        shown = [(row.name, row.shown, row.what, row.note) for row in rows]
        print("\n".join(table.lines(("setting", "value", "what", "note"), shown)))
        print(f"\nSettings: {table.counted(row.what for row in rows)}.")
    if wanted.into.exists():
        print(f"{wanted.into} is there already, and decides.")
    if decided.get("REDIS_SERVICE") or decided.get("REDIS_URL"):
        print(
            "REDIS_SERVICE and REDIS_URL name the Redis of the older service. Give TADA a Redis of its own: when the "
            "older service restores a dump, it removes all keys."
        )


def _as_decided(row: Row, decided: Mapping[str, str]) -> Row:
    """Return the row of a setting as it is if the new settings have another value, because of --new or the dump."""
    value = decided.get(older_settings.variable_of(row.name), row.shown)
    if row.what not in ("kept", "renamed") or row.shown == HIDDEN or value == row.shown:
        return row
    shown = older_settings.without_secret(row.name, value)
    return replace(row, what="replaced", note=f"It is {shown or 'empty'} in the new settings.")


def _show_entries(found: Sequence[Fate], wanted: Wanted, decided: Mapping[str, str]) -> None:
    print("\n" + "\n".join(table.lines(("entry", "what", "note"), [(one.name, one.what, one.note) for one in found])))
    print(f"\nEntries: {table.counted(fate.what for fate in found)}.")
    allowed = {part.strip() for part in decided.get("NAMESPACES_ALLOWED", "DEV").split(",")}
    others = sorted({fate.entry.namespace for fate in found if fate.entry} - allowed)
    if others:
        print(f"NAMESPACES_ALLOWED lacks {', '.join(others)}: assets there would not be delivered. Add them.")
    if wanted.report:
        wanted.report.write_bytes(b"".join(orjson.dumps(entries.report(fate)) + b"\n" for fate in found))
