"""The form of a new study: it answers while somebody types, reads YAML, and needs no mouse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.test_dashboard import FLAGS, PATIENCE_MS
from tests.servers.api import Caller, serving, settings_for
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
def caller(browser: Browser, tmp_path: Path) -> Iterator[Caller]:
    """Serve an API with one study."""
    assert browser.is_connected()
    dist = ROOT / "dashboard" / "dist"
    assert (dist / "index.html").is_file(), "the dashboard is not built: run `make dashboard`"
    with serving(settings_for(tmp_path, dashboard_dir=Path(dist))) as served:
        caller = Caller(served.address)
        caller.create("taken")
        yield caller
        caller.close()


@pytest.fixture
def page(browser: Browser, caller: Caller) -> Iterator[Page]:
    """Open the form; nothing in it may throw."""
    errors: list[str] = []
    address = str(caller.http.base_url).removesuffix("/api/v1/")
    with browser.new_context(base_url=address, reduced_motion="reduce") as context:
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: errors.append(str(error.error)))
        page = context.new_page()
        page.goto("/new")
        expect(page.get_by_role("status").filter(has_text="20 trials")).to_be_visible()
        yield page
    assert errors == []


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
