"""Writes the files that follow from the grammar of addresses: `make grammar`.

    python -m tools.grammar

tests/unit/tools/test_grammar.py fails when one of them is not current.
"""

from pathlib import Path

from tools.grammar import docs, nginx, openapi, vectors

ROOT = Path(__file__).parents[2]


def files() -> dict[Path, str]:
    """Return what each of the files should have in it."""
    delivery, gateway = ROOT / "docs" / "delivery.md", ROOT / "gateway" / "nginx" / "README.md"
    tested = ROOT / "clients" / "vectors"
    return {
        tested / "addresses.json": vectors.addresses(),
        tested / "forms.json": vectors.forms(),
        tested / "signatures.json": vectors.signatures(),
        ROOT / "services" / "catalog" / "openapi" / "delivery_arguments.json": openapi.arguments(),
        ROOT / "gateway" / "nginx" / "addresses.conf.template": nginx.maps(),
        delivery: docs.with_blocks(delivery.read_text(), {"arguments": docs.arguments(), "order": docs.order()}),
        gateway: docs.with_blocks(gateway.read_text(), {"arguments": docs.canonical_arguments()}),
    }


def main() -> None:
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
