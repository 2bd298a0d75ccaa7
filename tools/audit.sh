#!/usr/bin/env bash
# Asks OSV, a database of known vulnerabilities, about every pinned dependency.
# Usage: tools/audit.sh            0: none is known. 1: some are. 75: it could not be asked, which says nothing.
set -uo pipefail
cd "$(dirname "$0")/.."

nobody() { echo "audit: $1; nothing was looked at, which says nothing about the dependencies"; exit 75; }

getent hosts api.osv.dev >/dev/null || nobody "api.osv.dev cannot be reached from here"
home=.audit
if [ ! -x $home/bin/pip-audit ]; then
    # It is not a dependency of TADA, so it has a separate environment and is not locked.
    python3 -m venv $home && $home/bin/python -m pip install --quiet --disable-pip-version-check pip-audit ||
        nobody "pip-audit cannot be installed"
fi
# dev.lock has everything that the others have.
# --strict, as pip-audit calls a list clean that it could not look up.
said=$(timeout 300 $home/bin/pip-audit --strict --disable-pip --require-hashes --vulnerability-service osv \
    --progress-spinner off -r requirements/dev.lock 2>&1)
status=$?
if [ $status = 0 ]; then
    echo "audit: no vulnerability is known of what is in requirements/dev.lock"
elif grep -q "known vulnerabilit" <<<"$said"; then
    echo "$said"
    exit 1
else
    nobody "OSV did not answer"
fi
