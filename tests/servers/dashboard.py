"""The dashboard as its readers meet it: served by an API of its own, in a tab where nothing may go wrong unseen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.servers.api import Caller, serving, settings_for
from tests.servers.processes import ROOT

PATIENCE_MS = 30_000
"""Longest wait for something to appear: machines that test are slow and shared."""


def need_dashboard() -> Path:
    """Return the folder of the dashboard that was built."""
    dist = ROOT / "dashboard" / "dist"
    assert (dist / "index.html").is_file(), "the dashboard is not built: run `make dashboard`"
    return dist


@contextmanager
def serving_dashboard(home: Path) -> Iterator[Caller]:
    """Serve the dashboard with an API whose state is in `home`; give somebody who calls it and knows its address."""
    with serving(settings_for(home, dashboard_dir=need_dashboard())) as served:
        caller = Caller(served.address)
        yield caller
        caller.close()


@contextmanager
def open_session(browser: Browser, address: str, **options: Any) -> Iterator[BrowserContext]:
    """Open a reader's session, in which tabs share what the browser keeps; nothing in it may throw.

    Args:
        browser: The browser.
        address: What paths in its tabs are relative to.
        **options: Of Playwright's `new_context`.
    """
    errors: list[str] = []
    with browser.new_context(base_url=address, reduced_motion="reduce", **options) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        yield context
    assert errors == []


@contextmanager
def open_tab(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """Open a tab in a session of its own."""
    with open_session(browser, address, **options) as context:
        yield context.new_page()
