"""One browser for each file of browser tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.servers.browser import run_chromium
from tests.servers.dashboard import PATIENCE_MS


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for a file."""
    expect.set_options(timeout=PATIENCE_MS)
    with run_chromium() as running:
        yield running
