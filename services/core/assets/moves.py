"""Other names for an asset that stays what it is: the same bytes and the same version at another path. Pure."""

from dataclasses import replace

from services.core.assets import identity, media_types, names, reading
from services.core.assets.entries import Entry, next_second, timestamp
from services.core.assets.names import AssetName
from services.core.errors import BadRequest


def renamed(entry: Entry, destination: str | None, filename: str | None) -> AssetName:
    """Return the names of an asset in another folder or under another file name; None keeps what it has.

    They are read as those of an upload. The extensions stay: a name may have the one that is delivered, the one that
    was uploaded, or none. What the entry says already changes nothing, however it is written there. Raises BadRequest.
    """
    folders = entry.unique_name.split("/")[2:-1]
    folder = "/".join(folders) or entry.namespace
    if destination is not None and reading.folders_of(destination) != reading.folders_of(entry.destination):
        folder = names.safe_destination(entry.namespace, destination)
    delivered = entry.unique_name.rpartition("/")[2]
    base, _, extension = delivered.rpartition(".")
    uploaded = entry.original_filename
    if filename is not None and filename not in (entry.filename, delivered):
        base = _base(entry, filename)
        uploaded = f"{base}.{entry.original_name.rpartition('.')[2]}"
    return AssetName(entry.namespace, folder, f"{base}.{extension}", uploaded)


def moved(entry: Entry, name: AssetName, storage_key: str) -> Entry:
    """Return the entry at another path, with its bytes under another key. What is delivered stays the same.

    It has the date of the move: a client may have other bytes of that path, and ask only by their date. A uuid
    that follows from the path follows from the new one. The older service's uuid of an asset stays.
    """
    follows = identity.canonical(entry.uuid) in (identity.asset_uuid(entry.unique_name), entry.key)
    return replace(
        entry,
        uuid=identity.asset_uuid(name.unique_name) if follows else entry.uuid,
        unique_name=name.unique_name,
        destination=name.destination,
        filename=name.filename,
        original_filename=name.original_filename,
        storage_key=storage_key,
        updated_date=timestamp(),
        content_date=next_second(entry.delivered_since),
    )


def _base(entry: Entry, filename: str) -> str:
    base, extension = names.split_name(filename, entry.original_mimetype)
    if media_types.of_extension(extension) not in (entry.mimetype, entry.original_mimetype):
        raise BadRequest(
            f"The file name {filename!r} is not one of the type {entry.mimetype}.",
            f"Send a name with the extension of {entry.filename!r}, or with none.",
        )
    return base
