"""People look at learning curves closely: they zoom by keys, choose a curve, and share what they see as a link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.servers.api import Caller, Json
from tests.servers.dashboard import open_tab, serving_dashboard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """Serve a study of two trials with a NaN, and open its page; nothing in it may throw."""
    with serving_dashboard(tmp_path) as caller, open_tab(browser, caller.address) as opened:
        tell(caller)
        opened.goto("/studies/curved")
        yield opened


def tell(caller: Caller) -> None:
    """Report two trials of 60 points as a worker would, one value of which is no number."""
    caller.create("curved")
    for job in caller.claim(caller.join("curved"), "curved", n_max=2):
        points: list[Json] = [
            {"name": "val_accuracy", "step": step, "value": "NaN" if step == 30 else 1 - 1 / step}
            for step in range(1, 61)
        ]
        caller.report(job, 1, metrics=points)
        caller.finish(job, values={"val_accuracy": 0.9})


def test_curves_are_zoomed_by_keys_and_shared_as_a_link(page: Page) -> None:
    panel = page.get_by_role("region", name="Learning curves")
    expect(panel.locator("[data-drawn='2']")).to_be_visible()
    expect(panel.get_by_test_id("curve-count")).to_contain_text("2 of the points shown are NaN")
    panel.get_by_role("button", name="Zoom in").press("Enter")
    expect(page).to_have_url(re.compile(r"window=15\.75,45\.25"))
    panel.get_by_label("log y").check()
    expect(page).to_have_url(re.compile("log=y"))
    page.reload()
    expect(panel.get_by_label("log y")).to_be_checked()
    whole = panel.get_by_role("button", name="Whole")
    expect(whole).to_be_enabled()
    assert Axe().run(page).response["violations"] == []
    whole.press("Enter")
    expect(page).not_to_have_url(re.compile("window="))
    expect(whole).to_be_disabled()


def test_a_click_on_a_curve_chooses_its_trial_in_all_panels(page: Page) -> None:
    panel = page.get_by_role("region", name="Learning curves")
    expect(panel.locator("[data-drawn='2']")).to_be_visible()
    plot = panel.locator(".u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    at = {"x": box["width"] * 0.8, "y": box["height"] * 0.06}
    plot.hover(position=at)  # type: ignore[arg-type]
    expect(panel.get_by_text("Trial ", exact=False).first).to_be_visible()
    plot.click(position=at)  # type: ignore[arg-type]
    expect(page).to_have_url(re.compile(r"chosen=[01]$"))
    expect(panel.get_by_role("link", name=re.compile("Open trial"))).to_be_visible()
    history = page.get_by_role("region", name="Optimisation history")
    expect(history.get_by_role("link", name=re.compile("Open trial"))).to_be_visible()
