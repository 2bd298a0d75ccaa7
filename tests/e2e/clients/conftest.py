"""The JavaScript library as its users have it: installed from its package."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.library.conftest import FLAGS
from tests.support import javascript


@pytest.fixture(scope="session")
def installed() -> Path:
    return javascript.installed()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Not longer than a module: while it runs, no other event loop can.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        yield browser
        browser.close()
