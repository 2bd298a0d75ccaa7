"""The spool: a local folder for files on their way to the storage.

Local storage links files out of it, so it must be on the same file system. Beside it is the folder of the search
indexes.
"""

from pathlib import Path

from services.core.errors import StorageDown

NAME = ".spool"
SEARCH = ".search"
"""No storage key begins with these names, so these folders can be among the files of local storage."""
OURS = (NAME, SEARCH)


def spool_of(data_folder: Path) -> Path:
    """Return the spool of a data folder; it is absolute, so the working directory does not matter."""
    return data_folder.absolute() / NAME


def search_of(data_folder: Path) -> Path:
    """Return the folder of the search indexes in a data folder."""
    return data_folder.absolute() / SEARCH


def prepare(spool: Path) -> None:
    """Make the spool. The service that writes does this at its start; raises StorageDown."""
    try:
        spool.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageDown(
            f"The folder for uploads cannot be made: {error.strerror}.", "Check DATA_FOLDER_PATH and its permissions."
        ) from error
