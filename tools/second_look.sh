#!/usr/bin/env bash
# Runs the few tests that have just failed once more, alone; for CI, on machines that stall for seconds.
# Usage: make --keep-going test || tools/second_look.sh [MOST]
# It fails if more than MOST (3) have failed, or none (then something else is broken), or if one fails again.
# A test that passes only now is a fault too, of the test or of what it tests: it is printed, for somebody to mend it.
set -euo pipefail
cd "$(dirname "$0")/.."
most=${1:-3}
failed=$(.venv/bin/python - <<'PYTHON'
import json
from pathlib import Path

noted = Path(".pytest_cache/v/cache/lastfailed")
print(*(json.loads(noted.read_text()) if noted.exists() else ()), sep="\n")
PYTHON
)
count=$(grep -c . <<<"$failed" || true)
if [ "$count" = 0 ] || [ "$count" -gt "$most" ]; then
    echo "second look: $count tests have failed, which is no bad luck"
    exit 1
fi
.venv/bin/python -m pytest -v --last-failed
echo "second look: passed only when run again, alone; please mend:"
echo "$failed"
