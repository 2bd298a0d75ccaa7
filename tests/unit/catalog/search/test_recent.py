import pytest

from services.catalog.search import recent as module
from services.catalog.search.recent import Recent


def test_what_the_index_has_is_forgotten() -> None:
    recent = Recent()
    recent.add(1, "a", "/DEV/1.webp")
    recent.add(2, "a", "/DEV/2.webp")
    recent.forget(1)
    assert recent.names("a") == ["/DEV/2.webp"]
    recent.forget(2)
    assert recent.names("a") == []


def test_a_path_is_kept_until_the_index_has_its_last_upload() -> None:
    recent = Recent()
    for number in (1, 3):
        recent.add(number, "a", "/DEV/1.webp")
    recent.forget(2)
    assert recent.names("a") == ["/DEV/1.webp"]
    recent.forget(3)
    assert recent.names("a") == []


def test_an_upload_noted_twice_with_one_number_is_forgotten() -> None:
    recent = Recent()
    for _ in range(2):
        recent.add(0, "a", "/DEV/1.webp")
    recent.add(5, "b", "/DEV/2.webp")
    recent.forget(4)
    assert (recent.names("a"), recent.names("b")) == ([], ["/DEV/2.webp"])


def test_the_oldest_goes_if_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT", 2)
    recent = Recent()
    for name in ("/DEV/1.webp", "/DEV/1.webp", "/DEV/2.webp", "/DEV/3.webp"):
        recent.add(0, "a", name)
    assert recent.names("a") == ["/DEV/2.webp", "/DEV/3.webp"]
