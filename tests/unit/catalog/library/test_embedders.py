"""Which origins may have the library in a frame: LIBRARY_EMBEDDERS."""

import pytest

from services.catalog.settings import CatalogSettings
from services.core.settings import SettingsError, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("https://cms.example.com", ("https://cms.example.com",)),
        ("HTTPS://CMS.Example.com:443/, https://cms.example.com", ("https://cms.example.com",)),
        ("http://localhost:8000,self", ("http://localhost:8000", "'self'")),
        ("'self',http://[::1]:80", ("'self'", "http://[::1]")),
    ],
)
def test_origins_are_written_as_browsers_write_them(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LIBRARY_EMBEDDERS", text)
    assert read(CatalogSettings).library_embedders == expected


@pytest.mark.parametrize(
    "text",
    [
        *("*", "cms.example.com", "https://*.example.com", "https:", "https://", "null", "'none'", "data:text/html,x"),
        *(
            "https://cms.example.com/path",
            "https://cms.example.com?x",
            "https://cms.example.com#",
            "ftp://cms.example.com",
        ),
        *("https://user@cms.example.com", "https://cms.example.com:x", "https://cms.example.com; script-src *"),
        *(
            "https://cms.example.com http://evil.example",
            "https://cms.example.com:99999",
            "/cms/",
            "https://bücher.example",
            "https://a.example\nx",
        ),
    ],
)
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LIBRARY_EMBEDDERS", text)
    with pytest.raises(SettingsError, match=r"LIBRARY_EMBEDDERS.*expected origins such as"):
        read(CatalogSettings)
