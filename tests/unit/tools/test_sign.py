from pathlib import Path

import pytest

from services.core.addresses.signing import sign
from tools.sign import main
from tools.stack import running
from tools.stack.running import Running

KEY, OTHER = "k" * 32, "o" * 32
CAT = "/assets/media/full/DEV/cat.webp"


@pytest.mark.parametrize(
    ("services", "key"),
    [([{"transform": {"URL_SIGNING_KEYS": KEY}}], KEY), ([{"catalog": {}}], OTHER), ([], OTHER)],
    ids=["of the system that runs", "of this environment", "without a system"],
)
def test_make_sign_prints_the_signed_address_and_nothing_else(
    services: list[dict[str, dict[str, str]]],
    key: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    systems = [Running(7, Path("/data/7"), of_one) for of_one in services]
    monkeypatch.setattr(running, "systems", lambda: systems)
    monkeypatch.delenv("DATA_DIR", raising=False)
    monkeypatch.setenv("URL_SIGNING_KEYS", OTHER)
    assert main([CAT, ""]) == 0, "make passes an empty FOR"
    assert capfd.readouterr() == (f"{CAT}?signature={sign(key, CAT)}\n", "")


def test_of_several_systems_one_must_be_chosen(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "systems", lambda: [Running(pid, Path(f"/data/{pid}"), {}) for pid in (7, 9)])
    monkeypatch.delenv("DATA_DIR", raising=False)
    assert main([CAT, "2h"]) == 2
    said = capfd.readouterr()
    assert "make sign DATA_DIR=/data/7" in said.err
    assert said.out == ""
