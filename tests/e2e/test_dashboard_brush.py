"""People choose trials: a brush in one panel, rows in another, and the table that follows; all of it in the address."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.servers.dashboard import open_tab, serving_dashboard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

N_TRIALS = 30
SPACE = {
    "optimizer": {"type": "categorical", "choices": ["nesterov", "adam"]},
    "momentum": {"type": "float", "low": 0, "high": 0.9, "when": {"optimizer": ["nesterov"]}},
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
}


@pytest.fixture(scope="module")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a study of 30 trials whose learning rates and accuracies grow with their numbers."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path_factory.mktemp("home")) as caller:
        caller.create("brushed", sampler={"name": "manual"}, search_space=SPACE, budget={})
        for number in range(N_TRIALS):
            caller.call("POST", "/studies/brushed/trials", 201, json=_trial(number))
        yield caller.address


def _trial(number: int) -> dict[str, Any]:
    chosen = {"optimizer": "nesterov", "momentum": 0.5} if number % 2 else {"optimizer": "adam"}
    return {
        "params": {**chosen, "learning_rate": 10 ** (3 * number / (N_TRIALS - 1) - 4)},
        "state": "COMPLETE",
        "values": {"val_accuracy": 0.5 + number / 100},
        "note": "=1+1" if number == 0 else "",
    }


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """Open a tab in either theme; nothing in it may throw."""
    with open_tab(browser, address, color_scheme=request.param) as opened:
        yield opened


def parallel(page: Page) -> Locator:
    return page.get_by_role("region", name="Parallel coordinates", exact=True)


def rows(page: Page) -> Locator:
    return page.get_by_role("region", name="Table of trials").locator("tr.trial")


def shows(page: Page, n: int) -> None:
    """Wait until the table has so many rows, whether or not they are on screen."""
    table = page.get_by_role("region", name="Table of trials").get_by_role("table")
    expect(table).to_have_attribute("aria-rowcount", str(n + 1))


def numbers(page: Page) -> list[int]:
    return [int(text) for text in rows(page).get_by_role("link").all_inner_texts()]


def test_the_table_follows_a_brush_that_is_drawn_moved_and_taken_away(page: Page) -> None:
    page.goto("/studies/brushed")
    grip = parallel(page).locator("rect.grip").nth(0)  # learning_rate: axes stand in the order of their names
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    assert box is not None
    x, top, height = box["x"] + box["width"] / 2, box["y"], box["height"]
    page.mouse.move(x, top + height / 2)
    page.mouse.down()
    page.mouse.move(x, top + height / 4, steps=4)
    page.mouse.move(x, top, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"brush=learning_rate"))
    shows(page, N_TRIALS // 2)
    assert set(numbers(page)) == set(range(N_TRIALS // 2, N_TRIALS))
    expect(parallel(page).get_by_text(f"{N_TRIALS // 2} of {N_TRIALS} chosen")).to_be_visible()

    page.reload()
    shows(page, N_TRIALS // 2)
    violations = Axe().run(page).response["violations"]
    assert [(item["id"], item["nodes"][0]["html"]) for item in violations] == []
    parallel(page).get_by_role("button", name="Show all").click()
    shows(page, N_TRIALS)
    expect(page).not_to_have_url(re.compile("brush="))


def test_axes_are_brushed_and_moved_by_keys(page: Page) -> None:
    page.goto("/studies/brushed")
    head = parallel(page).get_by_role("button", name="optimizer, not brushed")
    head.focus()
    page.keyboard.press("ArrowUp")
    expect(parallel(page).get_by_role("button", name="optimizer, brushed: adam")).to_be_focused()
    shows(page, N_TRIALS // 2)
    assert all(number % 2 == 0 for number in numbers(page))
    page.keyboard.press("ArrowDown")
    expect(parallel(page).get_by_role("button", name="optimizer, brushed: nesterov")).to_be_focused()
    expect(rows(page).first.get_by_role("link")).to_have_text(str(N_TRIALS - 1))
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("axes=learning_rate,optimizer,momentum"))
    page.keyboard.press("Delete")
    shows(page, N_TRIALS)


def test_rows_are_chosen_compared_and_told_by_the_address(page: Page) -> None:
    page.goto("/studies/brushed")
    page.get_by_role("checkbox", name="Choose trial 29").click()
    page.get_by_role("checkbox", name="Choose trial 26").click(modifiers=["Shift"])
    expect(page).to_have_url(re.compile("chosen=26,27,28,29"))
    expect(parallel(page).get_by_text(f"4 of {N_TRIALS} chosen")).to_be_visible()
    compare = page.get_by_role("link", name="compare", exact=True)
    expect(compare).to_have_attribute("href", re.compile(r"/compare\?trials=brushed:\d+(,brushed:\d+){3}$"))
    shows(page, N_TRIALS)
    page.get_by_role("button", name="only chosen").click()
    shows(page, 4)
    page.reload()
    shows(page, 4)
    page.get_by_role("button", name="clear choice").click()
    shows(page, N_TRIALS)


def test_a_filter_is_written_and_a_slip_is_marked(page: Page) -> None:
    page.goto("/studies/brushed")
    line = page.get_by_role("searchbox", name="Filter trials")
    line.fill("val_accuracy>0.7 optimizer=adm")
    line.press("Enter")
    expect(page.locator("mark")).to_have_text("adm")
    expect(page.get_by_role("alert").filter(has_text="there is no 'adm' here")).to_contain_text("adam")
    line.fill("val_accuracy>0.7 optimizer=adam")
    line.press("Enter")
    shows(page, 4)
    assert numbers(page) == [28, 26, 24, 22]
    page.reload()
    expect(line).to_have_value("val_accuracy>0.7 optimizer=adam")
    shows(page, 4)


def test_groups_columns_and_a_file(page: Page) -> None:
    page.goto("/studies/brushed?where=number<4&extra=note")
    page.get_by_label("Group by").select_option("optimizer")
    groups = page.get_by_role("region", name="Trials grouped by optimizer")
    cells = groups.get_by_role("row").filter(has_text="adam").get_by_role("cell")
    expect(cells).to_have_text(["15", "0.64", "0.08944", "0.78"])
    page.locator("summary", has_text="Columns").click()
    page.get_by_role("checkbox", name="momentum", exact=True).uncheck()
    page.get_by_role("button", name="Pin note").click()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("pin=note"))
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    with Path(download.value.path()).open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["trial"] for row in table] == ["3", "2", "1", "0"]
    assert list(table[0])[:3] == ["trial", "note", "State"]
    assert "momentum" not in table[0]
    assert table[3]["note"] == "'=1+1"
    groups.get_by_role("button", name="adam").click()
    shows(page, 2)
    assert numbers(page) == [2, 0]
