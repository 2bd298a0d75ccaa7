import pytest

from services.core.state import entry_json, retired
from tests.support.entries import made_entry

CAT = made_entry("cat.jpg")
RAW = entry_json.write(CAT)


def record(number: str = "1796000000000000", group: str = CAT.key, version: str = "1", key: str = CAT.key) -> bytes:
    return f"{number} {group} {version} {key} ".encode() + RAW


@pytest.mark.parametrize("group", [CAT.key, "1796000000000000", "1796000000000009", made_entry("moved.jpg").key])
def test_a_record_that_fits_together_is_understood(group: str) -> None:
    found = retired.understood(CAT.storage_key.encode(), record(group=group))
    assert found
    assert (found.number, found.group, found.entry) == (1_796_000_000_000_000, group, CAT)


@pytest.mark.parametrize(
    ("storage_key", "raw"),
    [
        ("DEV/dog.webp", record()),
        (CAT.storage_key, record(number="x")),
        (CAT.storage_key, record(group="another")),
        (CAT.storage_key, record(version="2")),
        (CAT.storage_key, record(key=made_entry("dog.jpg").key)),
        (CAT.storage_key, record()[:-1]),
        (CAT.storage_key, record() + b"x"),
        (CAT.storage_key, b"1 2 3"),
        (CAT.storage_key, b""),
        (CAT.storage_key, f"1 {CAT.key} 1 {CAT.key} {{}}".encode()),
        (CAT.storage_key, b"\xff" + record()),
    ],
)
def test_any_other_record_is_left_out(storage_key: str, raw: bytes) -> None:
    assert retired.understood(storage_key.encode(), raw) is None
