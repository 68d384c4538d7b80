"""People at a study's insights: what matters, what goes with what, and how random search would have fared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.servers.dashboard import PATIENCE_MS, open_tab, serving_dashboard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SPACE = {
    "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
    "momentum": {"type": "float", "low": 0, "high": 0.9, "when": {"optimizer": ["sgd"]}},
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
}


@pytest.fixture(scope="module")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a study of 40 trials whose accuracy hangs on the learning rate alone, and one of five."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path_factory.mktemp("home")) as caller:
        for name, n_trials in (("rich", 40), ("poor", 5)):
            caller.create(name, sampler={"name": "manual"}, search_space=SPACE, budget={})
            for place in range(n_trials):
                caller.call("POST", f"/studies/{name}/trials", 201, json=_trial(place))
        yield caller.address


def _trial(place: int) -> dict[str, Any]:
    at, other = (place * 0.618034) % 1, (place * 0.414214) % 1  # spread evenly, one independent of the other
    chosen = {"optimizer": "sgd", "momentum": 0.9 * other} if place % 2 else {"optimizer": "adam"}
    return {
        "params": {**chosen, "learning_rate": 10 ** (3 * at - 4)},
        "state": "COMPLETE",
        "values": {"val_accuracy": 1 - (at - 0.5) ** 2},
    }


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """Open a tab in either theme; nothing in it may throw."""
    with open_tab(browser, address, color_scheme=request.param) as opened:
        yield opened


def test_a_reader_learns_what_matters(page: Page) -> None:
    page.goto("/studies/rich")
    matters = page.get_by_role("region", name="What matters")
    shares = matters.get_by_role("table", name="Importance of the parameters")
    expect(shares.get_by_role("row").nth(1)).to_contain_text("learning_rate")
    beside = page.get_by_role("region", name="Beside random search")
    words = re.compile("^After 40 finished trials the study is at")
    expect(beside.get_by_role("img")).to_have_attribute("aria-label", words)
    expect(beside.get_by_text("random trials do as well half of the time")).to_be_visible()

    find = matters.get_by_role("button", name="Find interactions")
    if find.count():  # the result of the first theme's reader is there for the second
        find.click()
    matrix = matters.get_by_role("region", name="Shares of the differences, alone and in pairs")
    expect(matrix).to_be_visible(timeout=3 * PATIENCE_MS)
    expect(matrix.get_by_role("rowheader").first).to_have_text("learning_rate")
    expect(matters.get_by_text("alone on the diagonal")).to_be_visible()
    violations = Axe().run(page).response["violations"]
    assert [(item["id"], item["nodes"][0]["html"]) for item in violations] == []


def test_with_few_trials_it_says_what_it_waits_for(page: Page) -> None:
    page.goto("/studies/poor")
    matters = page.get_by_role("region", name="What matters")
    expect(matters.get_by_text("Importance needs at least 20 finished trials; 5 trials count so far.")).to_be_visible()
    expect(page.get_by_text("needs at least 10 complete trials; 5 trials count so far.")).to_be_visible()
    matters.get_by_role("button", name="Find interactions").click()
    expect(matters.get_by_text("needs at least 30 complete trials")).to_be_visible()
    assert not matters.get_by_role("progressbar").count()
