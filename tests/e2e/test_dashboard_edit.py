"""A study is edited from its page: what will change is told before it is sent, and can be undone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.servers.api import Caller
from tests.servers.dashboard import open_tab, serving_dashboard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SPACE = {
    "learning_rate": {"type": "float", "low": 0.0001, "high": 0.1, "log": True},
    "activation": {"type": "categorical", "choices": ["relu", "tanh"]},
}


@pytest.fixture
def caller(browser: Browser, tmp_path: Path) -> Iterator[Caller]:
    """Serve a study with three finished trials."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path) as caller:
        caller.create("runs", search_space=SPACE, budget={"n_trials": 20, "max_parallel": 4})
        for rate in (0.001, 0.02, 0.05):
            params = {"learning_rate": rate, "activation": "relu"}
            told = {"params": params, "state": "COMPLETE", "values": {"val_accuracy": 0.5}}
            caller.call("POST", "/studies/runs/trials", 201, json=told)
        yield caller


@pytest.fixture
def page(browser: Browser, caller: Caller) -> Iterator[Page]:
    """Open the study's page for edits by its link; nothing in it may throw."""
    with open_tab(browser, caller.address) as page:
        page.goto("/studies/runs")
        page.get_by_role("link", name="Edit…").click()
        expect(page.get_by_role("heading", name="Edit runs")).to_be_visible()
        yield page


def test_a_change_is_looked_over_made_and_undone(page: Page, caller: Caller) -> None:
    preview = page.get_by_role("region", name="What will change")
    rate = page.get_by_role("group", name="learning_rate").first
    rate.get_by_label("high").fill("0.00001")
    expect(preview.get_by_role("status")).to_have_text("One thing is wrong.")
    expect(rate.get_by_label("high")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="Change the study")).to_be_disabled()
    rate.get_by_label("high").fill("0.03")
    page.get_by_role("button", name="Fix activation").click()
    page.get_by_label("Search over").select_option("dropout")
    page.get_by_label("Trials", exact=True).fill("30")
    expect(preview.get_by_role("status")).to_contain_text("2 of 3 trials that finished still fit.")
    expect(preview.get_by_role("row", name="learning_rate")).to_contain_text("1 trial so far lies outside")
    expect(preview.get_by_role("row", name="activation")).to_contain_text("relu from now on")
    expect(preview.get_by_role("row", name="n_trials")).to_contain_text("30")
    assert caller.call("GET", "/studies/runs/edits")["items"] == []

    page.get_by_role("button", name="Change the study").click()
    expect(preview.get_by_role("status")).to_contain_text("Changed.")
    spec = caller.call("GET", "/studies/runs")["spec"]
    assert set(spec["search_space"]) == {"learning_rate", "dropout"}
    assert (spec["search_space"]["learning_rate"]["high"], spec["budget"]["n_trials"]) == (0.03, 30)
    earlier = page.get_by_role("region", name="Earlier changes")
    expect(earlier).to_contain_text("learning_rate")

    earlier.get_by_role("button", name="Undo…").click()
    expect(preview.get_by_role("status")).to_contain_text("3 of 3 trials that finished still fit.")
    page.get_by_role("button", name="Change the study").click()
    expect(preview.get_by_role("status")).to_contain_text("Changed.")
    undone = caller.call("GET", "/studies/runs")["spec"]
    assert undone["search_space"]["learning_rate"] == SPACE["learning_rate"]
    assert set(undone["search_space"]) == set(SPACE)


def test_a_draft_outlives_what_others_change_meanwhile(page: Page, caller: Caller) -> None:
    page.get_by_label("At the same time").fill("2")
    space = {"learning_rate": {"high": 0.5}}
    caller.call("PATCH", "/studies/runs", json={"search_space": space, "n_trials": 25})
    expect(page.get_by_label("Trials", exact=True)).to_have_value("25")
    expect(page.get_by_role("group", name="learning_rate").first.get_by_label("high")).to_have_value("0.5")
    expect(page.get_by_label("At the same time")).to_have_value("2")
    page.get_by_role("button", name="Change the study").click()
    expect(page.get_by_role("status").filter(has_text="Changed.")).to_be_visible()
    budget = caller.call("GET", "/studies/runs")["spec"]["budget"]
    assert (budget["n_trials"], budget["max_parallel"]) == (25, 2)


def test_points_are_added_and_refused_where_they_are_wrong(page: Page, caller: Caller) -> None:
    panel = page.get_by_role("region", name="Add trials")
    panel.get_by_label("learning_rate").fill("7")
    panel.get_by_role("button", name="Add 1 trial").click()
    expect(panel.get_by_label("learning_rate")).to_have_attribute("aria-invalid", "true")
    assert caller.call("GET", "/studies/runs")["trial_counts"]["WAITING"] == 0
    panel.get_by_label("learning_rate").fill("0.01")
    panel.get_by_role("button", name="Another one").click()
    panel.get_by_label("activation").nth(1).select_option("tanh")
    panel.get_by_label("Note").fill("as in the paper")
    panel.get_by_role("button", name="Add 2 trials").click()
    expect(panel.get_by_role("status").get_by_role("link")).to_have_count(2)
    items = caller.call("GET", "/studies/runs/trials", params={"state": "WAITING", "limit": 10})["items"]
    assert {(one["params"].get("learning_rate") == 0.01, one["note"]) for one in items} == {
        (True, "as in the paper"),
        (False, "as in the paper"),
    }
    assert "tanh" in {one["params"]["activation"] for one in items}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_open_to_all(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.get_by_role("group", name="learning_rate").first.get_by_label("high").fill("0.03")
    expect(page.get_by_role("status").filter(has_text=re.compile("still fit"))).to_be_visible()
    violations = Axe().run(page).response["violations"]
    assert [(item["id"], item["nodes"][0]["html"]) for item in violations] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
