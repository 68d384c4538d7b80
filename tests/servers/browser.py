"""A Chromium for the dashboard: the machine's own, else Playwright's."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.servers.errors import ServerUnavailableError

# Chromium's own traffic to other hosts is of no use here; as root it refuses its sandbox.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> Path | None:
    """Return TUNEWELL_TEST_CHROMIUM, or a Chromium on PATH, or the one `playwright install` brought, or None."""
    named = os.environ.get("TUNEWELL_TEST_CHROMIUM")
    candidates = [named] if named else [shutil.which(name) for name in NAMES]
    found = next((Path(path) for path in candidates if path), None)
    if found is None:
        with sync_playwright() as playwright:
            found = Path(playwright.chromium.executable_path)
    return found if found.exists() else None


def need_chromium() -> Path:
    """Return the Chromium that the tests drive.

    Raises:
        ServerUnavailableError: There is none.
    """
    found = find_chromium()
    if found is None:
        raise ServerUnavailableError(
            "no Chromium for the dashboard's tests: install Debian's package chromium, or run "
            "`python -m playwright install chromium`, or set TUNEWELL_TEST_CHROMIUM to one's path"
        )
    return found


@contextmanager
def run_chromium() -> Iterator[Browser]:
    """Run a headless Chromium.

    Raises:
        ServerUnavailableError: There is none.
    """
    program = need_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()
