"""A bad night: the server goes away and comes back, two tabs are open, the mouse is out of reach."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.servers.api import Json, a_study
from tests.servers.dashboard import need_dashboard, open_session
from tests.servers.processes import ProcessFamily
from tests.servers.service import Service

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# Leases outlive the server's absence: nobody hangs for them here.
_SETTINGS = {"TUNEWELL_LEASE_S": "120", "TUNEWELL_RECONCILE_S": "3600"}


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run an API that can be killed; its trials are told by hand. The browser starts first: it is no child of it."""
    assert browser.is_connected()
    need_dashboard()
    folder = tmp_path_factory.mktemp("night")
    family = ProcessFamily(folder)
    running = Service(family, folder / "home", f"sqlite:///{folder / 'tunewell.db'}", "memory://", _SETTINGS)
    try:
        running.start_api()
        yield running
        running.stop()
    finally:
        family.kill_all()


@pytest.fixture
def context(browser: Browser, service: Service) -> Iterator[BrowserContext]:
    """Open a reader's browser session; nothing in it may throw."""
    with open_session(browser, service.address) as opened:
        yield opened


def claim(service: Service, queue: str, n: int) -> list[Json]:
    """Join as a worker and claim trials."""
    joined = {"name": "hand", "host": "here", "pid": 1, "queues": [queue], "n_slots": 1}
    worker_id = service.call("POST", "/workers", joined)["worker_id"]
    asked = {"worker_id": worker_id, "queues": [queue], "n_max": n}
    attempts: list[Json] = service.call("POST", "/work:claim", asked)["attempts"]
    return attempts


def report(service: Service, job: Json, step: int) -> Json:
    """Report a step: a point of the objective and a line of output. Returns the answer."""
    point = {"name": "val_accuracy", "step": step, "value": step / 10}
    line = {"at": "2026-01-01T00:00:00Z", "stream": "stdout", "text": f"step {step} is done"}
    body = {
        "lease_token": job["lease_token"],
        "seq": step,
        "step": step,
        "n_steps": 9,
        "metrics": [point],
        "logs": [line],
    }
    answer: Json = service.call("POST", f"/attempts/{job['attempt_id']}:report", body)
    return answer


def test_a_pause_in_one_tab_shows_in_the_other_over_one_connection(context: BrowserContext, service: Service) -> None:
    service.call("POST", "/studies", a_study("shared"))
    streams: list[str] = []
    context.on("request", lambda request: streams.append(request.url) if "/api/v1/events" in request.url else None)
    one, other = context.new_page(), context.new_page()
    for tab in (one, other):
        tab.goto("/studies/shared")
        expect(tab.get_by_text("live", exact=True)).to_be_visible()
    one.get_by_role("button", name="Pause").click()
    for tab in (one, other):
        expect(tab.get_by_role("region", name="Progress").get_by_text("PAUSED", exact=True)).to_be_visible()
    other.get_by_role("button", name="Resume").click()
    expect(one.get_by_role("region", name="Progress").get_by_text("RUNNING", exact=True)).to_be_visible()
    assert len(streams) == 1


def test_a_trial_is_followed_through_the_servers_absence_without_gap_or_double(
    context: BrowserContext, service: Service
) -> None:
    service.call("POST", "/studies", a_study("followed"))
    (job,) = claim(service, "followed", 1)
    for step in (1, 2, 3):
        report(service, job, step)
    page = context.new_page()
    page.goto("/studies/followed/trials/0")
    lines = page.get_by_role("region", name="Log lines").locator(".line span")
    expect(lines).to_have_count(3)
    chart = page.get_by_role("img", name="val_accuracy of this trial")
    expect(chart).to_have_attribute("aria-label", re.compile("up to step 3"))

    assert service.api is not None
    service.api.kill()
    expect(page.get_by_text("reconnecting", exact=True)).to_be_visible()
    service.start_api()
    for step in (4, 5):  # some of it before the page is back, maybe some after
        report(service, job, step)
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    report(service, job, 6)
    expect(chart).to_have_attribute("aria-label", re.compile("up to step 6"))
    expect(lines).to_have_text([f"step {step} is done" for step in range(1, 7)])
    again = context.new_page()  # what a reader sees who comes only now
    again.goto("/studies/followed/trials/0")
    expect(again.get_by_role("region", name="Log lines").locator(".line span")).to_have_count(6)
    assert chart.get_attribute("aria-label") == again.get_by_role(
        "img", name="val_accuracy of this trial"
    ).get_attribute("aria-label")


def test_the_keyboard_alone_submits_a_study_chooses_trials_and_stops_one(
    context: BrowserContext, service: Service
) -> None:
    page = context.new_page()
    page.goto("/studies")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    go_to(page, "New study")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="20 trials")).to_be_visible()
    go_to(page, "Name")
    page.keyboard.press("Control+a")
    page.keyboard.type("without-a-mouse")
    go_to(page, "Start study")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/studies/without-a-mouse$"))
    jobs = claim(service, "cpu", 2)
    for job in jobs:
        report(service, job, 1)
    table = page.get_by_role("region", name="Table of trials")
    expect(table.get_by_role("checkbox", name="Choose trial 1")).to_be_visible()
    for number in (0, 1):
        page.get_by_role("checkbox", name="Choose all").focus()
        go_to(page, f"Choose trial {number}")
        page.keyboard.press("Space")
        expect(table.get_by_role("checkbox", name=f"Choose trial {number}")).to_be_checked()
    expect(page).to_have_url(re.compile("chosen="))
    page.get_by_role("checkbox", name="Choose all").focus()
    go_to(page, "0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Trial 0")).to_be_visible()
    go_to(page, "Stop.*")
    page.keyboard.press("Enter")
    go_to(page, "Stop now.*")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Stopping…")).to_be_visible()
    (stopped,) = [job for job in jobs if job["number"] == 0]
    assert report(service, stopped, 2)["decision"] == "stop"
    service.call("PATCH", "/studies/without-a-mouse", {"action": "stop"})


_FOCUSED = """() => {
  const one = document.activeElement;
  return (one.getAttribute('aria-label') ?? one.labels?.[0]?.textContent ?? one.textContent).trim();
}"""


def go_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is named like this, a regular expression."""
    for _ in range(120):
        if re.fullmatch(name, page.evaluate(_FOCUSED)):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {name}")
