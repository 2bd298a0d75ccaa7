"""An installation of the older Node.js service: what it has in its catalog, and the bytes of its files."""

import hashlib
from typing import Any

Files = dict[str, bytes]
"""Stored bytes by `unique_name`."""
_MEDIA_TYPES = {
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "webp": "image/webp",
}


def older_entry(unique_name: str, content: bytes, /, **fields: Any) -> dict[str, Any]:
    """Return an entry as that service writes it; `fields` replace what it would have."""
    namespace, *folders, filename = (part for part in unique_name.split("/") if part)
    kind = _MEDIA_TYPES[filename.rpartition(".")[2].lower()]
    signature = hashlib.sha256(content).hexdigest()
    return {
        "uuid": hashlib.md5(unique_name.encode(), usedforsecurity=False).hexdigest(),
        "version": 1,
        "namespace": namespace,
        "public_url": f"https://media.example.com/assets/media/full{unique_name}",
        "unique_name": unique_name,
        "filename": filename,
        "original_filename": filename,
        "base_host": "https://media.example.com",
        "base_url": "/assets/media",
        "external_id": None,
        "expired": False,
        "expiration_date": None,
        "information": None,
        "original_mimetype": kind,
        "mimetype": kind,
        "signature": signature,
        "destination": "/".join(folders) or namespace,
        "size": len(content),
        "original_size": len(content),
        "uploaded_date": "2025-11-29T20:03:44.680Z",
        "updated_date": "2025-11-29T20:04:09.555Z",
        "original_signature": signature,
        "original_version": 1,
        **fields,
    }


def catalog_of(files: Files) -> list[dict[str, Any]]:
    """Return the catalog of an installation with these files."""
    return [older_entry(unique_name, content) for unique_name, content in files.items()]
