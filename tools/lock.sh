#!/usr/bin/env bash
# Writes requirements/*.lock: every version pinned with its hashes, for every platform, naming no host.
# What is locked already stays as it is. To take newer versions of everything: tools/lock.sh --upgrade
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
python3 -m venv "$tool"
"$tool/bin/pip" install --quiet --disable-pip-version-check uv
compile() {
    "$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate "$@"
}
[ "${1:-}" != --upgrade ] || rm -f requirements/*.lock
compile pyproject.toml --extra dev --output-file requirements/dev.lock
for extra in run run-s3 catalog transform jobs; do
    compile pyproject.toml --extra $extra --constraint requirements/dev.lock --output-file requirements/$extra.lock
done
compile requirements/programs.in --no-deps --output-file requirements/programs.lock
