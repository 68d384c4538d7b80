"""People who watch a running study see where its curves are expected to go, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.test_dashboard import FLAGS, PATIENCE_MS
from tests.integration.test_api_forecasts import FORECASTS, N_STEPS, point, with_one_running
from tests.servers.api import Caller, Json, serving, settings_for
from tests.servers.browser import need_chromium
from tests.servers.processes import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one browser for this file."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=need_chromium(), args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def told(browser: Browser, tmp_path: Path) -> Iterator[tuple[str, Caller, Json]]:
    """Serve a study of eight complete trials and one that is under way; return where, who reports, and on what."""
    assert browser.is_connected()
    dist = ROOT / "dashboard" / "dist"
    assert (dist / "index.html").is_file(), "the dashboard is not built: run `make dashboard`"
    with serving(settings_for(tmp_path, dashboard_dir=Path(dist))) as served:
        caller = Caller(served.address)
        yield served.address, caller, with_one_running(caller, FORECASTS, 0.95)
        caller.close()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, told: tuple[str, Caller, Json]) -> Iterator[Page]:
    """Open a tab in either theme; nothing in it may throw."""
    errors: list[str] = []
    with browser.new_context(base_url=told[0], color_scheme=request.param, reduced_motion="reduce") as context:
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        yield context.new_page()
    assert errors == []


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
