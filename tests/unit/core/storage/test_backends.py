from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from services.core.assets.retired import Undo
from services.core.dumps.stores import open_dumps
from services.core.settings import SettingsError, UndoSettings, read
from services.core.storage import Storage, StorageSettings
from services.core.storage.backends import BACKENDS

NEEDS = {"s3_access_key": "key", "s3_secret_key": "secret", "delegated_storage_host": "http://backend"}


def settings(method: str, folder: Path, **values: Any) -> StorageSettings:
    return StorageSettings(delegated_storage_method=method, data_folder_path=folder, **values)


@pytest.mark.parametrize("method", BACKENDS)
def test_each_row_makes_a_storage_and_a_dump_store(method: str, tmp_path: Path) -> None:
    chosen = settings(method, tmp_path, **NEEDS)
    storage = BACKENDS[method].storage(chosen)
    assert isinstance(storage, Storage)
    dumps = open_dumps(chosen, storage)
    assert dumps.backend is BACKENDS[method]


def test_no_two_rows_share_a_name() -> None:
    for names in ("label", "source", "place"):
        assert len({getattr(backend, names) for backend in BACKENDS.values()}) == len(BACKENDS)


def test_a_method_that_is_not_in_the_table_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=f"expected one of {', '.join(BACKENDS)}"):
        settings("AZURE", tmp_path)


@pytest.mark.parametrize(
    ("method", "name"), [(method, name) for method, backend in BACKENDS.items() for name in backend.needs]
)
def test_a_backend_without_a_setting_that_it_needs_is_refused(method: str, name: str, tmp_path: Path) -> None:
    others = {other: value for other, value in NEEDS.items() if other != name}
    with pytest.raises(ValidationError, match=f"{name.upper()}: expected .*, because DELEGATED_STORAGE_METHOD is"):
        settings(method, tmp_path, **others)


@pytest.mark.parametrize("name", ["keep_versions", "trash_days"])
def test_nothing_can_be_undone_where_files_are_replaced_in_place(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELEGATED_STORAGE_METHOD", "DISTANT_BACKEND")
    monkeypatch.setenv("DELEGATED_STORAGE_HOST", "http://media-backend:8000")
    monkeypatch.setenv("DATA_FOLDER_PATH", str(tmp_path))
    assert read(UndoSettings).undo == Undo()
    monkeypatch.setenv(name.upper(), "1")
    with pytest.raises(SettingsError) as refused:
        read(UndoSettings)
    assert refused.value.lines == [f"{name.upper()}: expected 0, because DISTANT_BACKEND replaces files in place"]
