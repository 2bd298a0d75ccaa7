import hashlib
from pathlib import Path

import pytest

from services.catalog.keyring import Keyring
from services.catalog.tokens import ANYBODY, Tokens, parse_tokens
from services.core.errors import Unauthorized


class Source:
    def __init__(self, *tokens: str) -> None:
        self.lines = [f"cms:write:*:{hashlib.sha256(token.encode()).hexdigest()}" for token in tokens]

    def __call__(self) -> Tokens:
        return parse_tokens("", "\n".join(self.lines))


def test_tokens_that_are_read_again_replace_those_before() -> None:
    source = Source("old")
    keyring = Keyring(source)
    source.lines = Source("new").lines
    assert keyring.principal("Bearer old").name == "cms"
    keyring.reload()
    assert keyring.principal("Bearer new").name == "cms"
    with pytest.raises(Unauthorized):
        keyring.principal("Bearer old")


@pytest.mark.parametrize("lines", [[], ["# nothing"], ["cms:write"]])
def test_what_cannot_be_read_or_would_open_everything_changes_nothing(lines: list[str]) -> None:
    source = Source("old")
    keyring = Keyring(source)
    source.lines = lines
    keyring.reload()
    assert keyring.principal("Bearer old").name == "cms"
    with pytest.raises(Unauthorized):
        keyring.principal("")


def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(Source("old").lines[0])
    keyring = Keyring(lambda: parse_tokens("", file.read_text()))
    file.unlink()
    keyring.reload()
    assert keyring.principal("Bearer old").name == "cms"


def test_the_first_token_closes_what_was_open() -> None:
    source = Source()
    keyring = Keyring(source)
    assert keyring.is_empty
    assert keyring.principal("") is ANYBODY
    source.lines = Source("new").lines
    keyring.reload()
    with pytest.raises(Unauthorized):
        keyring.principal("")
