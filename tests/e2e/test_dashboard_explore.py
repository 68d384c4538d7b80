"""People who explore a study: charts by keyboard and pointer, choices that all panels share, a live timeline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.servers.api import Caller
from tests.servers.dashboard import open_tab, serving_dashboard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

N_TRIALS = 12
SPACE = {
    "activation": {"type": "categorical", "choices": ["relu", "tanh"]},
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
}
OBJECTIVES = [
    {"metric": "val_accuracy", "direction": "maximize"},
    {"metric": "val_loss", "direction": "minimize"},
    {"metric": "train_loss", "direction": "minimize"},
]


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Caller]]:
    """Serve a study of one objective, one of three, and one whose trials a test runs."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path_factory.mktemp("home")) as caller:
        for name, objectives in (("one", OBJECTIVES[:1]), ("three", OBJECTIVES)):
            manual = {"sampler": {"name": "manual"}, "search_space": SPACE, "budget": {}}
            caller.create(name, objectives=objectives, **manual)
            for number in range(N_TRIALS):
                caller.call("POST", f"/studies/{name}/trials", 201, json=_trial(number))
        caller.create("timed-light")
        caller.create("timed-dark")
        yield caller.address, caller


def _trial(number: int) -> dict[str, Any]:
    return {
        "params": {"activation": ["relu", "tanh"][number % 2], "learning_rate": 10 ** (3 * number / N_TRIALS - 4)},
        "state": "COMPLETE",
        "values": {"val_accuracy": 0.5 + number / 100, "val_loss": 0.1 * number, "train_loss": 0.3},
    }


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, served: tuple[str, Caller]) -> Iterator[Page]:
    """Open a tab in either theme; nothing in it may throw."""
    with open_tab(browser, served[0], color_scheme=request.param) as opened:
        yield opened


def explore(page: Page) -> Locator:
    return page.get_by_role("region", name="Explore", exact=True)


def chart(page: Page, words: str) -> Locator:
    return explore(page).get_by_role("application", name=re.compile(words))


def assert_accessible(page: Page) -> None:
    violations = Axe().run(page).response["violations"]
    assert [(item["id"], item["nodes"][0]["html"]) for item in violations] == []


def test_tabs_open_charts_by_keyboard_and_stay_in_the_address(page: Page) -> None:
    page.goto("/studies/one")
    explore(page).get_by_role("tab", name="Slice").focus()
    expect(chart(page, "val_accuracy against learning_rate, 12 trials; the best, trial 11")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(explore(page).get_by_role("tab", name="Contour")).to_be_focused()
    expect(chart(page, "val_accuracy over learning_rate and activation, estimated from 12 results")).to_be_visible()
    expect(page).to_have_url(re.compile("panel=contour"))
    explore(page).get_by_label("Across").select_option("activation")
    expect(chart(page, "over activation and learning_rate")).to_be_visible()
    page.reload()
    expect(chart(page, "over activation and learning_rate")).to_be_visible()
    assert_accessible(page)


def test_a_box_chooses_trials_in_every_panel(page: Page) -> None:
    page.goto("/studies/one?panel=slice")
    plot = chart(page, "against learning_rate")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile("chosen=6,7,8,9,10,11"))
    parallel = page.get_by_role("region", name="Parallel coordinates", exact=True)
    expect(parallel.get_by_text(f"6 of {N_TRIALS} chosen")).to_be_visible()
    plot.focus()
    page.keyboard.press("Escape")
    expect(page).not_to_have_url(re.compile("chosen="))


def test_marks_are_walked_chosen_and_opened_by_keyboard(page: Page) -> None:
    page.goto("/studies/one?panel=slice")
    chart(page, "against learning_rate").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(explore(page).get_by_text("Trial 1 · learning_rate")).to_be_visible()
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("chosen=1$"))
    page.keyboard.press("+")
    expect(explore(page).get_by_role("button", name="Show all")).to_be_visible()
    page.keyboard.press("Escape")
    expect(explore(page).get_by_role("button", name="Show all")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/studies/one/trials/1$"))


def test_studies_are_set_beside_each_other(page: Page) -> None:
    page.goto("/studies/one?panel=edf")
    picture = explore(page).get_by_role("img", name=re.compile("at or below: one 0.55"))
    expect(picture).to_be_visible()
    explore(page).get_by_label("Beside").fill("three")
    page.keyboard.press("Enter")
    expect(explore(page).get_by_role("img", name=re.compile("one 0.55, three 0.55"))).to_be_visible()
    explore(page).get_by_label("Beside").fill("nowhere")
    page.keyboard.press("Enter")
    expect(explore(page).get_by_text("there is no study 'nowhere'")).to_be_visible()
    expect(page).to_have_url(re.compile("edf=three,nowhere"))
    explore(page).get_by_role("button", name="Remove nowhere").click()
    expect(page).to_have_url(re.compile("edf=three$"))
    assert_accessible(page)


def test_a_front_of_three_objectives_turns(page: Page) -> None:
    page.goto("/studies/three")
    expect(explore(page).get_by_role("tab", name="Pareto front")).to_have_attribute("aria-selected", "true")
    cloud = chart(page, "in three dimensions: 12 trials on the front")
    expect(cloud).to_be_visible()
    name = cloud.get_by_text("val_accuracy", exact=True)
    before = name.bounding_box()
    explore(page).get_by_role("button", name="Turn right").press("Enter")
    assert name.bounding_box() != before
    expect(chart(page, "against")).to_have_count(3)
    assert_accessible(page)


def test_a_timeline_follows_attempts(page: Page, served: tuple[str, Caller], request: pytest.FixtureRequest) -> None:
    caller, study = served[1], f"timed-{request.node.callspec.params['page']}"
    worker_id = caller.join(study)
    done, lost = caller.claim(worker_id, study, n_max=2)
    caller.finish(done, values={"val_accuracy": 0.5})
    page.goto(f"/studies/{study}?panel=timeline")
    expect(chart(page, r"2 attempts in 1 slot: 1 complete, 1 running\.")).to_be_visible()
    caller.finish(lost, "CRASHED", reason="killed by the kernel")
    expect(chart(page, r"2 attempts in 1 slot: 1 complete, 1 failed\.")).to_be_visible()
    caller.claim(worker_id, study)
    expect(chart(page, "3 attempts in 1 slot: 1 complete, 1 failed, 1 running")).to_be_visible()
    chart(page, "3 attempts").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(explore(page).get_by_text("CRASHED after")).to_contain_text("killed by the kernel")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/studies/{study}/trials/{lost['number']}$"))
