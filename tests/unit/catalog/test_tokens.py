import hashlib
import re

import pytest

from services.catalog.tokens import ANYBODY, Principal, Role, main, parse_tokens
from services.core.errors import Forbidden, Unauthorized


def line(name: str, role: str, namespaces: str, token: str) -> str:
    return f"{name}:{role}:{namespaces}:{hashlib.sha256(token.encode()).hexdigest()}"


def test_the_media_token_has_all_rights() -> None:
    tokens = parse_tokens("s3cret", "")
    assert tokens.principal("Bearer s3cret") == Principal("media", Role.ADMIN, None)


@pytest.mark.parametrize("separator", ["\n", ";", " ;\n  ", "\n# a comment\n\n"])
def test_named_tokens_have_the_rights_of_their_line(separator: str) -> None:
    lines = [line("cms", "write", "DEV,PROD", "t1"), line("ci", "read", "*", "t2"), line("ops", "admin", "DEV", "t3")]
    tokens = parse_tokens("", separator.join(lines))
    assert tokens.principal("Bearer t1") == Principal("cms", Role.WRITE, frozenset({"DEV", "PROD"}))
    assert tokens.principal("Bearer t2") == Principal("ci", Role.READ, None)
    assert tokens.principal("Bearer t3") == Principal("ops", Role.ADMIN, frozenset({"DEV"}))


def test_an_unknown_token_is_nobody() -> None:
    tokens = parse_tokens("s3cret", line("cms", "write", "*", "t1"))
    digest = hashlib.sha256(b"t1").hexdigest()
    for authorization in ("", "Bearer t2", "Basic t1", "t1", "Bearer", f"Bearer {digest}", "Bearer t1 t1", "Bearert1"):
        with pytest.raises(Unauthorized):
            tokens.principal(authorization)


def test_without_any_token_everybody_may_do_everything() -> None:
    assert parse_tokens("", "\n# nothing\n").principal("") is ANYBODY
    ANYBODY.need(Role.ADMIN)
    ANYBODY.need_everything()
    ANYBODY.need_namespace("DEV")


def test_a_token_beyond_ascii_is_one_too() -> None:
    header = b"Bearer \xc3\xa9t\xc3\xa9".decode("latin-1")
    assert parse_tokens("été", "").principal(header).name == "media"


@pytest.mark.parametrize(
    "text",
    [
        "cms",
        "cms:write:DEV",
        "cms:write:DEV:short",
        f"cms:owner:DEV:{'a' * 64}",
        f"cms:write::{'a' * 64}",
        f"c m s:write:DEV:{'a' * 64}",
        f"cms:write:DEV:{'A' * 64}",
        f"cms:write:DEV:{'a' * 65}",
        f"cms:write:DEV/x:{'a' * 64}",
        f"cms:write:*,DEV:{'a' * 64}",
        f"ok:write:DEV:{'a' * 64}\nbad",
    ],
)
def test_a_line_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected lines such as"):
        parse_tokens("", text)


@pytest.mark.parametrize("needed", list(Role))
@pytest.mark.parametrize("given_role", list(Role))
def test_a_role_includes_the_ones_before_it(given_role: Role, needed: Role) -> None:
    principal = Principal("cms", given_role, None)
    if given_role >= needed:
        principal.need(needed)
        return
    with pytest.raises(Forbidden) as refusal:
        principal.need(needed)
    assert refusal.value.status == 403
    assert needed.name.lower() in (refusal.value.hint or "")


def test_a_token_for_some_namespaces_writes_in_those_alone() -> None:
    principal = Principal("cms", Role.ADMIN, frozenset({"DEV", "TEST"}))
    principal.need_namespace("DEV")
    for forbidden in ("PROD", "dev", "DEV2", ""):
        with pytest.raises(Forbidden, match="may not write in namespace"):
            principal.need_namespace(forbidden)
    with pytest.raises(Forbidden, match="limited to namespaces"):
        principal.need_everything()


def test_a_token_for_all_namespaces_writes_in_any() -> None:
    principal = Principal("cms", Role.WRITE, None)
    principal.need_namespace("PROD")
    principal.need_everything()


def test_a_new_token_is_valid_by_the_line_that_is_printed_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cms", "write", "DEV,PROD"]) == 0
    printed = capsys.readouterr().out
    token, made = (text.partition(": ")[2].strip() for text in printed.splitlines())
    assert parse_tokens("", made).principal(f"Bearer {token}") == Principal(
        "cms", Role.WRITE, frozenset({"DEV", "PROD"})
    )
    assert len(token) >= 43
    assert token not in made


def test_no_two_tokens_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        main(["cms", "read", "*"])
    assert len(set(re.findall(r"token .*: (\S+)", capsys.readouterr().out))) == 5


@pytest.mark.parametrize(
    "arguments", [[], ["cms"], ["cms", "owner", "*"], ["c:m", "read", "*"], ["a", "read", "*", "x"]]
)
def test_a_wrong_use_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("usage: ")
    assert printed.out == ""
