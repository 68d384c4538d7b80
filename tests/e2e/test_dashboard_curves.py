"""People look at learning curves closely: they zoom by keys, choose a curve, and share what they see as a link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.test_dashboard import FLAGS, PATIENCE_MS
from tests.servers.api import Caller, Json, serving, settings_for
from tests.servers.browser import need_chromium
from tests.servers.processes import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """Serve a study of two trials with a NaN, and open its page; nothing in it may throw."""
    dist = ROOT / "dashboard" / "dist"
    assert (dist / "index.html").is_file(), "the dashboard is not built: run `make dashboard`"
    expect.set_options(timeout=PATIENCE_MS)
    errors: list[str] = []
    with serving(settings_for(tmp_path, dashboard_dir=Path(dist))) as served, sync_playwright() as playwright:
        tell(Caller(served.address))
        browser = playwright.chromium.launch(executable_path=need_chromium(), args=list(FLAGS))
        context = browser.new_context(base_url=served.address, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        opened = context.new_page()
        opened.goto("/studies/curved")
        yield opened
        browser.close()
    assert errors == []


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
    caller.close()


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
