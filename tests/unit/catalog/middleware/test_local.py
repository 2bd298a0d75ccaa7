import pytest

from services.catalog.middleware import local
from services.core.errors import Forbidden


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost"},
        {"host": "localhost:3001"},
        {"host": "LocalHost.:3001"},
        {"host": "tada.localhost:3001"},
        {"host": "127.0.0.1:3001"},
        {"host": "127.1.2.3"},
        {"host": "[::1]:3001"},
        {"host": "localhost:3001", "origin": "http://localhost:3001", "sec-fetch-site": "same-origin"},
        {"host": "LOCALHOST:3001", "origin": "http://localhost:3001"},
        {"host": "localhost:3001", "sec-fetch-site": "none"},
    ],
)
def test_programs_of_this_machine_and_pages_of_the_service_may_write(headers: dict[str, str]) -> None:
    local.check(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "media.example.com"},
        {"host": "192.168.1.2:3001"},
        {"host": "localhost.evil.example:3001"},
        {"host": "evil-localhost"},
        {"host": "0.0.0.0:3001"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "localhost@evil.example"},
        {"host": ""},
        {"host": "[::1"},
        {"host": "localhost:3001", "origin": "https://evil.example"},
        {"host": "localhost:3001", "origin": "http://localhost:8000"},
        {"host": "localhost:3001", "origin": "http://localhost"},
        {"host": "localhost:3001", "origin": "null"},
        {"host": "localhost:3001", "origin": ""},
        {"host": "localhost:3001", "origin": "http://[::1"},
        {"host": "localhost:3001", "sec-fetch-site": "cross-site"},
        {"host": "localhost:3001", "sec-fetch-site": "same-site"},
        {"host": "localhost:3001", "origin": "http://localhost:3001", "sec-fetch-site": "cross-site"},
    ],
)
def test_no_page_of_another_origin_may_write(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden) as refused:
        local.check(headers)
    assert "MEDIA_TOKEN" in (refused.value.hint or "")
