"""People tag a trial on its page and find it by its tags in the study's table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.servers.dashboard import open_tab, serving_dashboard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_a_trial_is_tagged_found_and_loses_its_tag(browser: Browser, tmp_path: Path) -> None:
    with serving_dashboard(tmp_path) as caller, open_tab(browser, caller.address) as page:
        caller.create("tagged")
        for value in (0.5, 0.75):
            trial = {"params": {"learning_rate": 0.01}, "state": "COMPLETE", "values": {"val_accuracy": value}}
            caller.call("POST", "/studies/tagged/trials", 201, json=trial)
        page.goto("/studies/tagged/trials/1")
        field = page.get_by_role("textbox", name="Add a tag")
        field.fill("no;tag")
        expect(page.get_by_text("“no;tag” is no tag")).to_be_visible()
        field.fill("paper v1.0")
        field.press("Enter")
        expect(page.get_by_role("button", name="Remove the tag v1.0")).to_be_visible()
        expect(field).to_be_focused()
        assert caller.call("GET", "/studies/tagged/trials/1")["tags"] == ["paper", "v1.0"]
        assert Axe().run(page).violations_count == 0
        page.get_by_role("link", name="tagged", exact=True).click()
        page.get_by_title("Show trials with this tag").filter(has_text="paper").click()
        expect(page).to_have_url(re.compile(r"where=tag(:|%3A)paper"))
        expect(page.locator("tr.trial")).to_have_count(1)
        # Another tab's change is seen here without asking.
        trial_id = caller.call("GET", "/studies/tagged/trials/0")["trial_id"]
        caller.call("PATCH", f"/trials/{trial_id}", json={"tags": ["paper"]})
        expect(page.locator("tr.trial")).to_have_count(2)
        page.goto("/studies/tagged/trials/1")
        page.get_by_role("button", name="Remove the tag paper").click()
        expect(page.get_by_role("button", name="Remove the tag paper")).to_have_count(0)
        assert caller.call("GET", "/studies/tagged/trials/1")["tags"] == ["v1.0"]
