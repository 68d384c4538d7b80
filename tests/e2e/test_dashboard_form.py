"""The form of a new study: it answers while somebody types, reads YAML, and needs no mouse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.servers.api import Caller
from tests.servers.dashboard import open_tab, serving_dashboard
from tests.servers.processes import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def caller(browser: Browser, tmp_path: Path) -> Iterator[Caller]:
    """Serve an API with one study."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path) as caller:
        caller.create("taken")
        yield caller


@pytest.fixture
def page(browser: Browser, caller: Caller) -> Iterator[Page]:
    """Open the form; nothing in it may throw."""
    with open_tab(browser, caller.address) as page:
        page.goto("/new")
        expect(page.get_by_role("status").filter(has_text="20 trials")).to_be_visible()
        yield page


def test_it_says_what_is_wrong_and_what_it_comes_to_while_one_types(page: Page, caller: Caller) -> None:
    name = page.get_by_label("Name", exact=True)
    name.fill("taken")
    expect(page.get_by_role("status").filter(has_text="One thing is wrong.")).to_be_visible()
    expect(name).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Trials", exact=True).fill("0")
    expect(page.get_by_role("status").filter(has_text="2 things are wrong.")).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    name.fill("free")
    page.get_by_label("Trials", exact=True).fill("7")
    expect(page.get_by_role("status").filter(has_text="7 trials")).to_be_visible()
    expect(name).to_have_attribute("aria-invalid", "false")
    assert [study["name"] for study in caller.call("GET", "/studies")["items"]] == ["taken"]


def test_pasted_yaml_becomes_the_form(page: Page) -> None:
    editor = page.get_by_label("Study as JSON or YAML")
    editor.fill((ROOT / "examples" / "digits-cnn.yaml").read_text())
    expect(page.get_by_role("status").filter(has_text="24 trials")).to_be_visible()
    page.get_by_role("button", name="Turn into JSON").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("digits-cnn")
    expect(editor).to_have_value(re.compile('"channels.1 <= channels.2"'))
    editor.fill("name: [1")
    expect(page.get_by_text("line 1, column 9")).to_be_visible()


def test_the_keyboard_alone_fills_and_submits_it(page: Page, caller: Caller) -> None:
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("by-hand")
    focused = "document.activeElement.labels?.[0]?.textContent.trim() ?? document.activeElement.textContent.trim()"
    for wanted in ("Trials", "Start study"):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate(focused) == wanted:
                break
        if wanted == "Trials":
            page.keyboard.press("Control+a")
            page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/studies/by-hand$"))
    assert caller.call("GET", "/studies/by-hand")["spec"]["budget"]["n_trials"] == 5


def test_a_template_of_a_network_fills_the_form(page: Page, caller: Caller) -> None:
    caller.call("DELETE", "/studies/taken", 204)
    page.goto("/studies")
    page.get_by_role("link", name="Convolutional network").click()
    expect(page).to_have_url(re.compile(r"/new\?template=cnn$"))
    expect(page.get_by_label("Name", exact=True)).to_have_value("digits-cnn")
    page.get_by_text("Start from a template").click()
    page.get_by_role("link", name="Recurrent network").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("japanese-vowels-rnn")
    expect(page.get_by_role("link", name="Recurrent network")).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("status").filter(has_text="20 trials")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Name", exact=True)).to_have_value("digits-cnn")


def test_what_somebody_typed_survives_a_template(page: Page) -> None:
    page.goto("/new?template=cnn")
    name = page.get_by_label("Name", exact=True)
    page.get_by_text("Start from a template").click()
    page.get_by_role("link", name="Recurrent network").click()
    expect(name).to_have_value("japanese-vowels-rnn")
    replaced = page.get_by_role("status").filter(has_text="took the place of what you had entered")
    expect(replaced).to_have_count(0)  # nothing had been entered
    name.fill("mine")
    page.get_by_role("link", name="Convolutional network").click()
    expect(name).to_have_value("digits-cnn")
    page.get_by_role("link", name="Capsule network").click()
    expect(name).not_to_have_value("digits-cnn")
    replaced.get_by_role("button", name="Undo").click()
    expect(name).to_have_value("mine")
    expect(page.get_by_role("link", name="Recurrent network")).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile("template=rnn$"))
    expect(replaced).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_form_is_open_to_all(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.get_by_text("Start from a template").click()
    page.get_by_text("Fixed", exact=True).click()
    page.get_by_text("Repeats and cross-validation").click()
    page.get_by_label("Trials", exact=True).fill("0")
    expect(page.get_by_role("status").filter(has_text="One thing is wrong.")).to_be_visible()
    violations = Axe().run(page).response["violations"]
    assert [(item["id"], item["nodes"][0]["html"]) for item in violations] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
