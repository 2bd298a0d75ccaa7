"""The operations that read and change entries."""

from services.catalog.openapi import actions as document
from services.catalog.openapi import bodies
from services.catalog.openapi.answers import BODY, DOWN, ONE, SEVERAL
from services.catalog.operations.operation import Document, Operation
from services.catalog.routes import actions, changes, folders, listing, public_listing, search
from services.catalog.routes.arguments import UNCONFIRMED_MAX
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Role
from services.core.serving.web import Answer

_ACTION = {200: "DryRun", 202: "Acting", **BODY, **DOWN}


def operations(settings: CatalogSettings) -> tuple[Operation, ...]:
    others = (settings.route_catalog_get,)
    get_list: Answer = listing.get_list
    get_entry: Answer = listing.get_entry
    if not settings.public_view.is_whole:
        get_list = public_listing.by_sender(public_listing.get_list, listing.get_list)
        get_entry = public_listing.by_sender(public_listing.get_entry, listing.get_entry)
    return (
        Operation(
            "GET",
            "/catalog",
            get_list,
            Role.PUBLIC,
            hot=True,
            others=others,
            document=Document(
                "listEntries",
                "List the entries",
                "catalog",
                {200: "List", 304: "NotModified", 400: "Refused", **DOWN},
                bodies.list_parameters(),
            ),
        ),
        Operation(
            "POST",
            "/catalog",
            changes.post_entry,
            Role.WRITE,
            others=others,
            document=Document(
                "addEntry",
                "Add an entry for a file that is in the storage already",
                "catalog",
                {201: "Uploaded", **BODY, 403: "Forbidden", **ONE},
                body=bodies.adoption(settings),
            ),
        ),
        Operation(
            "PATCH",
            "/catalog",
            changes.patch_entries,
            Role.WRITE,
            others=others,
            document=Document(
                "changeEntries",
                "Change fields of several entries",
                "catalog",
                SEVERAL,
                body=bodies.list_of_changes(settings),
            ),
        ),
        Operation(
            "DELETE",
            "/catalog",
            changes.delete_entries,
            Role.ADMIN,
            others=others,
            document=Document(
                "removeAllEntries",
                "Remove all entries; the bytes stay",
                "catalog",
                {200: "Removed", **BODY, **DOWN},
                (bodies.confirm("entries in the catalog", UNCONFIRMED_MAX),),
            ),
        ),
        Operation(
            "GET",
            "/catalog/search",
            search.search,
            Role.PUBLIC,
            others=others,
            document=Document(
                "searchEntries",
                "Search the entries",
                "catalog",
                {200: "SearchResult", 400: "Refused", **DOWN},
                bodies.search_parameters(),
            ),
        ),
        Operation(
            "DELETE",
            "/catalog/search",
            actions.delete_found,
            Role.WRITE,
            others=others,
            document=Document(
                "deleteFound",
                "Delete all assets that a search finds: entries, bytes and cached copies",
                "catalog",
                _ACTION,
                (
                    *document.choosing_parameters(),
                    document.dry_run(),
                    bodies.confirm("entries that are found", UNCONFIRMED_MAX),
                ),
            ),
        ),
        Operation(
            "PATCH",
            "/catalog/search",
            actions.change_found,
            Role.WRITE,
            others=others,
            document=Document(
                "changeFound",
                "Change fields of all entries that a search finds",
                "catalog",
                _ACTION,
                (*document.choosing_parameters(), document.dry_run()),
                body=document.change_of_many(),
            ),
        ),
        Operation(
            "POST",
            "/catalog/actions",
            actions.post_action,
            Role.WRITE,
            others=others,
            document=Document(
                "startAction",
                "Delete or change many entries, chosen by a search or by their uuids",
                "catalog",
                _ACTION,
                body=document.action(),
            ),
        ),
        Operation(
            "GET",
            "/catalog/folders",
            folders.list_folders,
            Role.PUBLIC,
            others=others,
            document=Document(
                "listFolders",
                "List the folders of a folder",
                "catalog",
                {200: "Folders", 400: "Refused", **DOWN},
                bodies.folder_parameters(),
            ),
        ),
        Operation(
            "GET",
            "/catalog/{uuid:entry}",
            get_entry,
            Role.PUBLIC,
            hot=True,
            others=others,
            document=Document(
                "getEntry",
                "Read an entry",
                "catalog",
                {200: "Entry", 304: "NotModified", **ONE},
                (bodies.UUID, bodies.IF_NONE_MATCH),
            ),
        ),
        Operation(
            "PATCH",
            "/catalog/{uuid:entry}",
            changes.patch_entry,
            Role.WRITE,
            others=others,
            document=Document(
                "changeEntry",
                "Change fields of an entry",
                "catalog",
                {200: "Changed", 412: "EntryChanged", **BODY, **ONE},
                (bodies.UUID, bodies.IF_MATCH),
                body=bodies.changes(),
            ),
        ),
        Operation(
            "DELETE",
            "/catalog/{uuid:entry}",
            changes.delete_entry,
            Role.WRITE,
            others=others,
            document=Document(
                "removeEntry",
                "Remove an entry; the bytes stay",
                "catalog",
                {200: "Deleted", **ONE},
                (bodies.UUID,),
            ),
        ),
    )
