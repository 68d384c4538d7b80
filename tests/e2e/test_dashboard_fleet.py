"""People at the pages of workers, comparison and data sets: a real browser, the real API, a real worker."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.test_dashboard import context, page, seen, service, study
from tests.servers.service import Service

__all__ = ["context", "page", "seen", "service"]

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def no_violations(page: Page) -> None:
    """Let axe judge a page that shows its data."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_two_trials_are_compared_by_a_link_that_holds_the_view(page: Page, seen: str, tmp_path: Path) -> None:
    page.goto(f"/compare?trials={seen}:0,{seen}:1")
    curves = page.get_by_role("region", name="Curves")
    expect(curves.get_by_role("img")).to_have_attribute("aria-label", re.compile("Trial 0 ends at .*Trial 1 ends at"))
    table = page.get_by_role("region", name="Table of final values")
    expect(table.get_by_role("row", name=re.compile("^val_accuracy"))).to_be_visible()
    expect(page.get_by_role("region", name="Table of parameters").get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row", name=re.compile("^git commit"))).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("Also those that are equal")).check()
    expect(page.get_by_role("row", name=re.compile("^epochs"))).to_be_visible()
    curves.get_by_role("combobox", name="Metric").select_option("val_loss")
    expect(page).to_have_url(re.compile("metric=val_loss"))
    no_violations(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    file = tmp_path / "comparison.csv"
    download.value.save_as(file)
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    assert [(row["study"], row["trial"]) for row in rows] == [(seen, "0"), (seen, "1")]
    page.reload()
    expect(curves.get_by_role("img")).to_have_attribute("aria-label", re.compile("^val_loss"))


def test_trials_are_added_and_left_out(page: Page, seen: str) -> None:
    page.goto(f"/compare?trials={seen}:0,{seen}:77")
    page.get_by_text("There is no trial").wait_for()
    page.get_by_role("button", name="Leave it out").click()
    page.get_by_label("Study").fill(seen)
    page.get_by_label("Trial", exact=True).fill("2")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("button", name="Remove Trial 2")).to_be_visible()
    page.get_by_role("button", name="Remove Trial 0").click()
    expect(page.get_by_role("button", name="Remove Trial 0")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"trials={seen}:2$"))


def test_a_trial_is_compared_with_the_best_from_its_page(page: Page, service: Service, seen: str) -> None:
    best = service.call("GET", f"/studies/{seen}")["best_trial"]["number"]
    other = (best + 1) % 3
    link = page.get_by_role("link", name="Compare with the best")
    page.goto(f"/studies/{seen}/trials/{other}")
    link.click()
    expect(page).to_have_url(re.compile(f"/compare\\?trials={seen}:{other},{seen}:{best}"))
    expect(page.get_by_role("button", name=f"Remove Trial {best}")).to_be_visible()
    page.goto(f"/studies/{seen}/trials/{best}")
    page.get_by_role("link", name="Start a study around it").wait_for()
    expect(link).to_have_count(0)


def test_a_worker_is_seen_at_work_drained_and_let_go_on(page: Page, service: Service) -> None:
    service.call("POST", "/studies", study("at-work", n_trials=2, epochs=3000))
    running = service.wait_for_running("at-work")
    page.goto("/workers")
    trial = page.get_by_role("link", name=re.compile(f"^Trial {running['number']}\\b")).first
    expect(trial).to_have_attribute("href", f"/studies/at-work/trials/{running['number']}")
    expect(page.get_by_role("meter", name="Memory", exact=True)).to_be_visible()
    row = page.get_by_role("region", name="Table of queues").get_by_role("row", name=re.compile("^cpu"))
    expect(row).to_be_visible()
    expect(page.get_by_test_id("join-command")).to_contain_text(f"--server {service.address}")
    no_violations(page)
    page.get_by_role("button", name=re.compile("^Drain")).click()
    expect(page.get_by_text("DRAINING", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("^Undrain")).click()
    expect(page.get_by_text("ALIVE", exact=True)).to_be_visible()
    service.call("PATCH", "/studies/at-work", {"action": "stop"})
    service.wait_for_state("at-work", "COMPLETE")


@pytest.mark.parametrize("path", ["/compare?trials=seen:0,seen:1,seen:2", "/workers"])
def test_no_page_scrolls_sideways_on_a_phone(context: BrowserContext, seen: str, path: str) -> None:
    phone = context.new_page()
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.goto(path)
    phone.get_by_role("table").first.wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert seen
