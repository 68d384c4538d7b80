"""People who keep their studies in order: they find, tag, archive, delete and bring back, by mouse and by keyboard."""

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

ACCURACIES = {"digits-one": [0.5, 0.7, 0.9], "digits-two": [0.95, 0.99], "another": []}


@pytest.fixture
def caller(browser: Browser, tmp_path: Path) -> Iterator[Caller]:
    """Serve three studies, the newest without a result."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path) as caller:
        for name, values in ACCURACIES.items():
            caller.create(name, tags=["small"] if name == "digits-one" else [], sampler={"name": "manual"}, budget={})
            for value in values:
                told = {"params": {"learning_rate": 0.01}, "state": "COMPLETE", "values": {"val_accuracy": value}}
                caller.call("POST", f"/studies/{name}/trials", 201, json=told)
        yield caller


@pytest.fixture
def page(browser: Browser, caller: Caller) -> Iterator[Page]:
    """Open a tab; nothing in it may throw."""
    with open_tab(browser, caller.address) as opened:
        yield opened


def expect_studies(page: Page, *names: str) -> None:
    """Wait until the list shows these studies, in this order."""
    expect(page.locator("td.name a")).to_have_text(list(names))


def test_the_list_is_filtered_and_ordered_by_its_address(page: Page) -> None:
    page.goto("/studies")
    expect_studies(page, "another", "digits-two", "digits-one")
    expect(page.get_by_role("row", name="digits-two").locator("svg path")).to_have_count(1)
    box = page.get_by_role("searchbox", name="Filter studies")
    box.fill("best>0.8 name~digits")
    expect_studies(page, "digits-two", "digits-one")
    page.get_by_role("button", name="Name").click()
    expect_studies(page, "digits-one", "digits-two")
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    page.reload()
    expect_studies(page, "digits-one", "digits-two")
    box.fill("bst>0.8")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("did you mean 'best'?")
    expect(alert.locator("mark")).to_have_text("bst")
    box.fill("name:nothing")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("td.name a")).to_have_count(3)
    page.get_by_role("button", name="small", exact=True).click()
    expect_studies(page, "digits-one")
    assert page.url.endswith("?order=name&q=tag:small")


def test_several_studies_are_archived_and_deleted_and_brought_back(page: Page, caller: Caller) -> None:
    page.goto("/studies")
    page.get_by_label("Choose another").click()
    page.get_by_label("Choose digits-two").click()
    bar = page.get_by_role("toolbar", name="For the chosen studies")
    expect(bar).to_contain_text("2 chosen")
    bar.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("row", name="digits-two").get_by_text("PAUSED")).to_be_visible()
    bar.get_by_role("button", name="Tags…").click()
    page.get_by_label("Tags, with spaces between").fill("both new")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="both", exact=True)).to_have_count(2)
    bar.get_by_role("button", name="Archive").click()
    expect_studies(page, "digits-one")
    page.get_by_role("combobox").select_option("archived")
    expect_studies(page, "another", "digits-two")
    page.get_by_label("Choose all studies shown").click()
    bar.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").filter(has_text="Deleted 2 studies.")).to_be_visible()
    expect(page.locator("td.name a")).to_have_count(0)
    assert caller.call("GET", "/studies", params={"q": "tag:both", "archived": "all"})["items"] == []
    page.get_by_role("button", name="Undo").click()
    expect_studies(page, "another", "digits-two")
    assert len(caller.call("GET", "/studies", params={"q": "tag:both", "archived": "all"})["items"]) == 2


def test_the_keyboard_alone_deletes_a_study_and_brings_it_back(page: Page) -> None:
    page.goto("/studies")
    page.get_by_role("button", name="More for digits-one").focus()
    page.keyboard.press("Enter")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Delete":
            break
    page.keyboard.press("Enter")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    expect_studies(page, "another", "digits-two")
    undo.focus()
    page.keyboard.press("Enter")
    expect_studies(page, "another", "digits-two", "digits-one")
    expect(undo).to_have_count(0)
    more = page.get_by_role("button", name="More for digits-one")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Archive")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Archive")).to_have_count(0)
    expect(more).to_be_focused()


def test_a_study_is_cloned_and_looked_at_closer_in_the_form(page: Page, caller: Caller) -> None:
    page.goto("/studies")
    page.get_by_role("button", name="More for digits-two").click()
    page.get_by_role("link", name="Clone").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("digits-two-2")
    page.goto("/new?around=digits-two:1")
    expect(page.get_by_label("Name", exact=True)).to_have_value("digits-two-near-1")
    page.get_by_role("button", name="Start study").click()
    expect(page).to_have_url(re.compile("/studies/digits-two-near-1$"))
    space = caller.call("GET", "/studies/digits-two-near-1")["spec"]["search_space"]
    assert space["learning_rate"] == {"type": "float", "low": 0.00251, "high": 0.0398, "log": True}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_anybody(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto("/studies?q=bst:1")
    expect(page.get_by_role("alert")).to_be_visible()
    page.goto("/studies")
    page.get_by_label("Choose digits-two").click()
    page.get_by_role("button", name="More for digits-one").click()
    violations = Axe().run(page).response["violations"]
    assert [(item["id"], item["nodes"][0]["html"]) for item in violations] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
