import hashlib
import os
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.catalog import keyring as module
from services.catalog.keyring import Keyring
from services.catalog.tokens import ANYBODY, Tokens, parse_tokens
from services.core.errors import Unauthorized


class Source:
    def __init__(self, *tokens: str) -> None:
        self.lines = [f"cms:write:*:{hashlib.sha256(token.encode()).hexdigest()}" for token in tokens]

    def __call__(self) -> Tokens:
        return parse_tokens("", "\n".join(self.lines))


async def test_tokens_that_are_read_again_replace_those_before() -> None:
    source = Source("old")
    keyring = Keyring(source)
    source.lines = Source("new").lines
    assert (await keyring.principal("Bearer old")).name == "cms"
    keyring.reload()
    assert (await keyring.principal("Bearer new")).name == "cms"
    with pytest.raises(Unauthorized):
        await keyring.principal("Bearer old")


@pytest.mark.parametrize("lines", [[], ["# nothing"], ["cms:write"]])
async def test_what_cannot_be_read_or_would_open_everything_changes_nothing(lines: list[str]) -> None:
    source = Source("old")
    keyring = Keyring(source)
    source.lines = lines
    keyring.reload()
    assert (await keyring.principal("Bearer old")).name == "cms"
    with pytest.raises(Unauthorized):
        await keyring.principal("")


async def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(Source("old").lines[0])
    keyring = Keyring(lambda: parse_tokens("", file.read_text()))
    file.unlink()
    keyring.reload()
    assert (await keyring.principal("Bearer old")).name == "cms"


async def test_the_first_token_closes_what_was_open() -> None:
    source = Source()
    keyring = Keyring(source)
    assert keyring.is_empty
    assert await keyring.principal("") is ANYBODY
    source.lines = Source("new").lines
    keyring.reload()
    with pytest.raises(Unauthorized):
        await keyring.principal("")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLE_SECONDS", 0.0)


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == module.__name__]


async def test_a_changed_file_is_found_by_its_content(tmp_path: Path, quick: None) -> None:
    """As Kubernetes changes it: a link leads to another folder, and the time of the file may be an older one."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tokens").write_text(Source(name).lines[0])
        os.utime(tmp_path / name / "tokens", (1, 1))
    link = tmp_path / "data"
    link.symlink_to("old")
    keyring = Keyring(lambda: parse_tokens("", (link / "tokens").read_text()))
    await keyring.look()
    assert (await keyring.principal("Bearer old")).name == "cms"
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(link)
    await keyring.look()
    assert (await keyring.principal("Bearer new")).name == "cms"
    with pytest.raises(Unauthorized):
        await keyring.principal("Bearer old")


@pytest.mark.parametrize("lines", [[], ["cms:write"]])
async def test_a_problem_is_told_once_and_ends_with_its_cause(
    lines: list[str], quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    source, good = Source("old"), Source("old").lines
    keyring = Keyring(source)
    for _ in range(3):
        source.lines = lines
        await keyring.look()
        await keyring.look()
    assert events(caplog) == ["tokens_kept"]
    assert REGISTRY.get_sample_value("tada_tokens_kept") == 1
    assert (await keyring.principal("Bearer old")).name == "cms"
    source.lines = good
    await keyring.look()
    assert REGISTRY.get_sample_value("tada_tokens_kept") == 0
    assert REGISTRY.get_sample_value("tada_tokens") == 1


async def test_what_is_read_while_it_is_written_is_not_taken(quick: None) -> None:
    whole = Source("old", "other").lines
    reads = iter([whole, whole[:1], whole])
    keyring = Keyring(lambda: parse_tokens("", "\n".join(next(reads))))
    await keyring.look()
    assert (await keyring.principal("Bearer other")).name == "cms"
