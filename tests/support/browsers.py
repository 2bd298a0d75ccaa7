"""The browser of the tests."""

import shutil

# Without windows it starts, and opens a page, in a third of the processor time of the whole program.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium") or ""
