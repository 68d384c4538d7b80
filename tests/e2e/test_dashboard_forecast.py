"""People who watch a running study see where its curves are expected to go, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.integration.test_api_forecasts import FORECASTS, N_STEPS, point, with_one_running
from tests.servers.api import Caller, Json
from tests.servers.dashboard import open_tab, serving_dashboard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def told(browser: Browser, tmp_path: Path) -> Iterator[tuple[str, Caller, Json]]:
    """Serve a study of eight complete trials and one that is under way; return where, who reports, and on what."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path) as caller:
        yield caller.address, caller, with_one_running(caller, FORECASTS, 0.95)


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, told: tuple[str, Caller, Json]) -> Iterator[Page]:
    """Open a tab in either theme; nothing in it may throw."""
    with open_tab(browser, told[0], color_scheme=request.param) as opened:
        yield opened


def test_a_reader_sees_where_a_curve_is_expected_to_go(page: Page, told: tuple[str, Caller, Json]) -> None:
    _, caller, job = told
    page.goto("/studies/seen")
    panel = page.get_by_role("region", name="Learning curves")
    chart = panel.get_by_role("img", name="Bands show where 1 of them is expected to go.")
    expect(chart).to_be_visible()
    expect(panel.get_by_test_id("curve-count")).to_contain_text("Bands hold four of five curves")
    assert Axe().run(page).response["violations"] == []

    for step in range(5, N_STEPS + 1):  # at the last step nothing is ahead any more
        caller.report(job, step, step=step, n_steps=N_STEPS, metrics=[point(step, 0.95 - 0.8 * 0.6**step)])
    expect(chart).to_have_count(0)
    expect(panel.get_by_test_id("curve-count")).not_to_contain_text("Bands")


def test_a_trial_says_how_likely_it_is_to_win(page: Page, told: tuple[str, Caller, Json]) -> None:
    _, caller, job = told
    page.goto("/studies/seen/trials/8")
    facts = page.get_by_role("region", name="Run")
    expect(facts).to_contain_text("to end better than the best completed trial, judged at step 4")
    caller.report(job, 5, step=5, n_steps=N_STEPS, metrics=[point(5, 0.95 - 0.8 * 0.6**5)])
    expect(facts).to_contain_text("judged at step 5")
