"""What is written from the table of arguments is current, and so is what other programs know of names."""

import json
import re
from urllib.parse import unquote

import pytest
import yaml

from services.catalog.openapi import schemas
from services.core.addresses.arguments import ARGUMENTS, PRESET
from services.core.addresses.form import canonical, parse, signed
from services.core.addresses.signing import is_valid
from services.core.assets import names
from tools.grammar import __main__ as grammar
from tools.grammar import docs


@pytest.mark.parametrize("path", grammar.files(), ids=lambda path: path.name)
def test_what_follows_from_the_arguments_is_current(path: object) -> None:
    current = {str(file): text for file, text in grammar.files().items()}
    assert (grammar.ROOT / str(path)).read_text() == current[str(path)], "run: make grammar"


def test_the_examples_of_canonical_addresses_are_true() -> None:
    readme = (grammar.ROOT / "gateway/nginx/README.md").read_text()
    examples = re.findall(r"^\| `\{P\}(/assets/media/[^`?]+)\??([^`]*)` \| `([^`]+)` \|$", readme, re.MULTILINE)
    assert len(examples) > 7
    for path, query, address in examples:
        assert canonical(parse(unquote(path), query, 8192)) == address


@pytest.mark.parametrize("argument", [*(argument.name for argument in ARGUMENTS), PRESET, "v", "download"])
def test_clients_are_tested_with_values_that_are_possible_and_such_as_are_not(argument: str) -> None:
    rows = json.loads((grammar.ROOT / "clients/vectors/addresses.json").read_text())
    assert [row for row in rows if argument in row["wanted"] and "address" in row]
    assert [row for row in rows if argument in row["wanted"] and row.get("refused") == argument]


def test_what_clients_are_told_to_sign_is_valid() -> None:
    rows = json.loads((grammar.ROOT / "clients/vectors/signatures.json").read_text())
    assert len(rows) > 10
    for row in rows:
        ends = "" if row["expires"] is None else str(row["expires"])
        path, _, query = row["signed"].removeprefix(row["base"]).partition("?")
        meant = parse(f"/assets/media{path}", query, 8192, ("thumb",))
        assert signed(meant) == row["form"]
        assert is_valid([row["key"]], row["form"], row["signature"], ends, now=0)
        assert f"signature={row['signature']}" in query


def test_a_page_without_its_block_is_told_of() -> None:
    with pytest.raises(ValueError, match="no block order"):
        docs.with_blocks("<!-- orders -->", {"order": ""})


def test_names_have_one_grammar() -> None:
    distant = yaml.safe_load((grammar.ROOT / "docs/distant-backend.openapi.yaml").read_text())
    assert distant["components"]["schemas"]["Path"]["pattern"] == schemas.UNIQUE_NAME == f"^{names.UNIQUE_NAME}$"
    chart = json.loads((grammar.ROOT / "charts/tada/values.schema.json").read_text())
    letters = f"[{names.LETTERS}]+"
    assert chart["properties"]["NAMESPACES_ALLOWED"]["pattern"] == rf"^{letters}(\s*,\s*{letters})*$"
