"""Reductions for tests, without pictures."""

import hashlib
from typing import Any

from services.core.assets import reductions
from services.core.assets.entries import Entry
from services.core.assets.reductions import Reduction
from services.core.state.claim import Claim

SIDE = 1024


def a_reduction(entry: Entry, claim: Claim | None = None, content: bytes = b"reduced", **changes: Any) -> Reduction:
    """Return a reduction of what an entry refers to; `content` are its bytes."""
    known = {
        "storage_key": claim.storage_key if claim else f".reductions/{entry.storage_key}.0123456789abcdef",
        "of": entry.signature,
        "digest": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "media_type": "image/jpeg",
        "width": 1008,
        "height": 756,
        "side": SIDE,
        "revision": reductions.REVISION,
    }
    return Reduction(**{**known, **changes})
