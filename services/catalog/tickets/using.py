"""What an upload with a ticket may be. Pure: the ticket and the form in, the upload out, or what is wrong."""

import time
from collections.abc import Iterable
from typing import Any

from services.catalog.bodies import UPLOAD_FIELDS
from services.catalog.tickets.refusals import gone
from services.catalog.tickets.ticket import Terms
from services.catalog.uploads.forms import OVERHEAD
from services.catalog.uploads.given import to_webp
from services.catalog.uploads.spool import SpooledFile
from services.catalog.uploads.uploads import Replacement, Wish
from services.catalog.uploads.writing import BeforeWrite
from services.core.assets import entries, names
from services.core.assets.entries import Entry
from services.core.errors import BadRequest, FileTooLarge, TypeUnauthorized


def check_length(terms: Terms, content_length: str) -> None:
    """Raise FileTooLarge for a form that says that it is longer than the ticket allows, before any of it is read."""
    if content_length.isdigit() and int(content_length) > terms.max_size + OVERHEAD:
        raise FileTooLarge(terms.max_size)


def check_fields(terms: Terms, sent: Iterable[str]) -> None:
    """Raise BadRequest for a field that would have an effect and that the page may not set. Others are ignored."""
    open_to_page = {"namespace", *terms.may_set}
    if terms.uuid is None and terms.filename is None:
        open_to_page.add("filename")
    for name in sent:
        if name in UPLOAD_FIELDS and name not in open_to_page:
            raise BadRequest(f"The ticket does not let the page set {name}.", f"Send the form without {name}.")


def check_file(terms: Terms, size: int, media_type: str | None) -> None:
    """Raise FileTooLarge or TypeUnauthorized for a file that the ticket does not allow, by the type of its bytes."""
    if size > terms.max_size:
        raise FileTooLarge(terms.max_size)
    if terms.media_types and media_type not in terms.media_types:
        raise TypeUnauthorized(media_type or "unknown", f"Send one of: {', '.join(terms.media_types)}.")


def wish(terms: Terms, sent: dict[str, Any], before_write: BeforeWrite) -> Wish:
    """Return the new asset that a page wants by the fields it has sent; raises BadRequest."""
    check_fields(terms, sent)
    fields = _fields(terms, sent)
    return Wish(
        namespace=_namespace(terms, sent),
        destination=_destination(terms, sent),
        filename=terms.filename or sent.get("filename") or None,
        to_webp=to_webp(fields),
        fields=entries.parse_fields(fields),
        on_conflict=terms.on_conflict,
        before_write=before_write,
    )


def replacement(terms: Terms, file: SpooledFile, sent: dict[str, Any], before_write: BeforeWrite) -> Replacement:
    """Return the new file that a page wants for the asset of its ticket; raises BadRequest."""
    assert terms.uuid is not None
    check_fields(terms, sent)
    _namespace(terms, sent)
    fields = _fields(terms, sent)

    def check(entry: Entry) -> None:
        if (entry.namespace, entry.uploaded_date) != (terms.namespace, terms.uploaded_date):
            raise gone()

    return Replacement(
        terms.uuid,
        file,
        keep_type=to_webp(fields) is False,
        fields=entries.parse_fields(fields),
        now=time.time(),
        check=check,
        before_write=before_write,
    )


def _namespace(terms: Terms, sent: dict[str, Any]) -> str:
    if sent.get("namespace", terms.namespace).strip() not in ("", terms.namespace):
        raise BadRequest("The ticket is for another namespace.", "Send the form without a namespace.")
    return terms.namespace


def _destination(terms: Terms, sent: dict[str, Any]) -> str | None:
    """Return the folder of the ticket, or the one at or below it that the page has chosen."""
    chosen = sent.get("destination")
    if chosen is None:
        return terms.destination
    root = names.safe_destination(terms.namespace, terms.destination)
    folder = names.safe_destination(terms.namespace, chosen)
    if root != terms.namespace and folder != root and not folder.startswith(f"{root}/"):
        raise BadRequest("The ticket does not allow this destination.", f"Send {root}, or a folder below it.")
    return folder


def _fields(terms: Terms, sent: dict[str, Any]) -> dict[str, Any]:
    return {**terms.fields, **{name: value for name, value in sent.items() if name in terms.may_set}}
