"""People at the dashboard: a real browser, the real API, a real worker."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect
from pydantic import SecretStr

from tests.servers.api import serving, settings_for
from tests.servers.dashboard import PATIENCE_MS, need_dashboard
from tests.servers.processes import ROOT, ProcessFamily
from tests.servers.service import Service
from tests.servers.valkey import start_valkey
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

VIEWS = (
    *("/studies", "/new", "/studies/seen", "/studies/seen/trials/0"),
    *("/studies/told", "/studies/told/trials/0", "/workers", "/datasets", "/nowhere"),
)
FINDING = {
    "kind": "dead_relus",
    "severity": "problem",
    "title": "Dead units",
    "evidence": {"sentence": "Half of the units <b>never</b> answer.", "numbers": {"dead_units": 0.5}},
    "remedy": {"sentence": "Take a lower rate.", "hints": [{"parameter": "learning_rate", "direction": "down"}]},
}


@pytest.fixture(scope="module")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run broker, API and one worker for this file. The browser starts first: it is no part of the service's family."""
    assert browser.is_connected()
    need_dashboard()
    folder = tmp_path_factory.mktemp("dashboard")
    with start_valkey() as broker:
        family = ProcessFamily(folder)
        running = Service(family, folder / "home", f"sqlite:///{folder / 'tunewell.db'}", broker.url)
        try:
            running.start_api()
            running.start_worker()
            yield running
            running.stop()
        finally:
            family.kill_all()


@pytest.fixture
def context(browser: Browser, service: Service) -> Iterator[BrowserContext]:
    """Open a reader's browser session; nothing in it may ask another host or throw."""
    opened = browser.new_context(base_url=service.address, locale="en-GB", timezone_id="Europe/Berlin")
    opened.set_default_timeout(PATIENCE_MS)
    strangers: list[str] = []
    errors: list[str] = []
    opened.on("request", lambda request: _note_stranger(request, service.address, strangers))
    opened.on("weberror", lambda error: errors.append(str(error.error)))
    yield opened
    opened.close()
    assert strangers == []
    assert errors == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """Open one tab."""
    return context.new_page()


@pytest.fixture(scope="module")
def seen(service: Service) -> str:
    """Run a small study to its end, with notes that try to be more than text."""
    body = study("seen", n_trials=3, epochs=3)
    service.call("POST", "/studies", {**body, "notes": "<img src=x onerror='window.hacked = 1'>", "tags": ["small"]})
    service.wait_for_state("seen", "COMPLETE")
    return "seen"


@pytest.fixture(scope="module")
def told(service: Service) -> str:
    """Tell the server of a trial as a worker would: two repeats, a finding, a confusion matrix."""
    call, body = service.call, study("told", n_trials=1, epochs=3)
    call("POST", "/studies", {**body, "repeats": {"n": 2}, "resources": {"queue": "by-hand"}})
    joined = {"name": "hand", "host": "here", "pid": 1, "queues": ["by-hand"], "n_slots": 1}
    worker_id = call("POST", "/workers", joined)["worker_id"]
    claimed = call("POST", "/work:claim", {"worker_id": worker_id, "queues": ["by-hand"], "n_max": 1})
    (attempt,) = claimed["attempts"]
    path, token = f"/attempts/{attempt['attempt_id']}", attempt["lease_token"]
    names = ("val_accuracy", "val_loss", "grad_norm", "val_loss@r1f1", "val_loss@r2f1")
    points = [{"name": name, "step": step, "value": 1 / step} for name in names for step in (1, 2, 3)]
    call("POST", f"{path}:report", {"lease_token": token, "seq": 1, "step": 3, "n_steps": 3, "metrics": points})
    content = json.dumps({"part": "val", "counts": [[7, 2], [0, 6]]}).encode()
    query = f"kind=file&sha256={hashlib.sha256(content).hexdigest()}"
    stored = httpx.put(
        f"{service.address}/api/v1{path}/artifacts/confusion_matrix.json?{query}",
        content=content,
        headers={"X-Lease-Token": token},
        trust_env=False,
    )
    assert stored.is_success, stored.text
    end = {"outcome": "COMPLETE", "values": {"val_accuracy": 0.5, "grad_norm": 0.3}, "diagnosis": [FINDING]}
    call("POST", f"{path}:finish", {"lease_token": token, **end})
    return "told"


def study(name: str, *, n_trials: int, epochs: int) -> dict[str, Any]:
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": {"epochs": epochs, "batch_size": 64, "hidden_layers": 1, "hidden_units": 16},
        "search_space": {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}},
        "sampler": {"name": "random", "seed": 3},
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
        "budget": {"n_trials": n_trials, "max_parallel": 2},
    }


def _note_stranger(request: Request, address: str, strangers: list[str]) -> None:
    if not request.url.startswith((address, "data:", "blob:")):
        strangers.append(request.url)


def last_step(page: Page) -> int:
    """Return how far the learning curves reach, from the words that describe the chart."""
    chart = page.get_by_role("region", name="Learning curves").get_by_role("img")
    words = (chart.get_attribute("aria-label") if chart.count() else None) or ""
    found = re.search(r"up to step (\d+)", words)
    return int(found[1]) if found else 0


def grown_beyond(page: Page, step: int) -> Callable[[], bool]:
    return lambda: last_step(page) > step


def test_study_from_the_form_is_watched_live_to_its_end(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="New study").first.click()
    page.get_by_label("Name", exact=True).fill("from-the-form")
    page.get_by_label("Trials", exact=True).fill("3")
    editor = page.get_by_label("Study as JSON")
    expect(editor).to_have_value(re.compile('"name": "from-the-form"'))
    editor.fill(editor.input_value().replace('"epochs": 20', '"epochs": 60'))
    page.get_by_role("button", name="Start study").click()

    expect(page).to_have_url(re.compile("/studies/from-the-form$"))
    page.evaluate("window.sameDocument = true")
    wait_until(grown_beyond(page, 0), 60, what="the first points are drawn")
    first = last_step(page)
    if first < 60:
        wait_until(grown_beyond(page, first), 60, what="the curves grow")

    progress = page.get_by_role("region", name="Progress")
    expect(progress.get_by_text("COMPLETE", exact=True)).to_be_visible(timeout=90_000)
    expect(progress.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "3 / 3")
    expect(page.get_by_role("region", name="Best trial").get_by_text("val_accuracy, maximize")).to_be_visible()
    expect(page.get_by_role("row", name="COMPLETE")).to_have_count(3)
    assert last_step(page) == 60
    assert page.evaluate("window.sameDocument") is True


def test_refusal_is_shown_at_the_field_it_names(page: Page, service: Service) -> None:
    page.goto("/new")
    page.get_by_label("Name", exact=True).fill("refused")
    editor = page.get_by_label("Study as JSON")
    text = editor.input_value()
    editor.fill(text.replace('"low": 0.0001', '"low": 7.5'))
    page.get_by_role("button", name="Start study").click()

    refusal = page.get_by_text(re.compile(r"^search_space\.learning_rate"))
    expect(refusal).to_contain_text("7.5")
    page.get_by_role("button", name=re.compile("Go to line")).click()
    selected = "t => t.value.slice(t.selectionStart, t.selectionEnd)"
    assert "7.5" in editor.evaluate(selected)
    assert [item["name"] for item in service.call("GET", "/studies?search=refused")["items"]] == []

    editor.fill(text)
    page.get_by_label("Name", exact=True).fill("accepted")
    page.get_by_role("button", name="Start study").click()
    expect(page).to_have_url(re.compile("/studies/accepted$"))
    service.call("PATCH", "/studies/accepted", {"action": "stop"})


def test_trial_page_shows_what_was_tried_and_hands_out_its_files(page: Page, seen: str) -> None:
    page.goto(f"/studies/{seen}")
    page.get_by_role("region", name="Best trial").get_by_role("link").click()

    expect(page).to_have_url(re.compile(rf"/studies/{seen}/trials/\d$"))
    expect(page.get_by_role("region", name="Parameters", exact=True)).to_contain_text("learning_rate")
    expect(page.get_by_role("region", name="Final values")).to_contain_text("val_accuracy")
    expect(page.get_by_role("region", name="Table of attempts")).to_contain_text("COMPLETE")
    with page.expect_download() as download:
        page.get_by_role("region", name="Table of artifacts").get_by_role("link").first.click()
    assert Path(download.value.path()).stat().st_size > 0


def test_form_offers_what_fits_and_says_what_is_wrong_where_it_is(page: Page, service: Service) -> None:
    page.goto("/new")
    page.get_by_label("Name", exact=True).fill("in-folds")
    page.get_by_label("Data set", exact=True).select_option("descriptions")
    assert page.get_by_label("Model", exact=True).locator("option").all_inner_texts() == ["Recurrent network"]
    page.get_by_label("Data set", exact=True).select_option("iris")
    page.get_by_label("Model", exact=True).select_option("mlp")

    page.get_by_text("Fixed", exact=True).click()
    page.get_by_label("Filter settings").fill("width of each")
    widths = page.get_by_label("widths", exact=True)
    widths.fill("32,16")
    widths.blur()
    # The server's check soon says it a second time, beside the study as JSON.
    expect(page.get_by_text("Accepted: text of the form").first).to_be_visible()
    expect(widths).to_have_attribute("aria-invalid", "true")
    widths.fill("32-16")
    widths.blur()
    expect(page.get_by_text("Accepted: text of the form")).to_have_count(0)
    for name in ("hidden_layers", "hidden_units"):
        page.get_by_role("button", name=f"Fix {name}").click()

    page.get_by_text("Repeats and cross-validation").click()
    page.get_by_label("Repeats", exact=True).fill("2")
    page.get_by_label("Judged on").select_option("k_fold")
    page.get_by_label("Folds", exact=True).fill("1")
    page.get_by_role("button", name="Start study").click()
    folds = page.get_by_label("Folds", exact=True)
    expect(folds).to_have_attribute("aria-invalid", "true")
    expect(folds).to_have_accessible_description(re.compile("2"))
    folds.fill("3")
    page.get_by_role("button", name="Start study").click()

    expect(page).to_have_url(re.compile("/studies/in-folds$"))
    service.call("PATCH", "/studies/in-folds", {"action": "stop"})
    spec = service.call("GET", "/studies/in-folds")["spec"]
    assert (spec["repeats"]["n"], spec["evaluation"]) == (2, {"method": "k_fold", "folds": 3})
    assert spec["fixed"]["widths"] == "32-16"
    assert "hidden_layers" not in spec["search_space"]


def test_diagnosis_stands_on_the_trial_and_in_the_table(page: Page, told: str) -> None:
    page.goto(f"/studies/{told}")
    expect(page.get_by_role("region", name="Table of trials").get_by_text("dead relus")).to_be_visible()
    page.goto(f"/studies/{told}/trials/0")
    diagnosis = page.get_by_role("region", name="Diagnosis")
    for words in ("Problem", "Dead units", "Half of the units <b>never</b> answer.", "learning_rate: lower"):
        expect(diagnosis.get_by_text(words, exact=True)).to_be_visible()


def test_trial_page_shows_repeats_signals_and_confusions(page: Page, told: str) -> None:
    page.goto(f"/studies/{told}/trials/0")
    table = page.get_by_role("region", name="Table of true and predicted classes")
    expect(table.locator("tbody tr")).to_have_count(2)
    assert [row.split() for row in table.locator("tbody tr").all_inner_texts()] == [["0", "7", "2"], ["1", "0", "6"]]
    expect(page.get_by_text("class 0 taken for 1, 2 times")).to_be_visible()
    expect(page.get_by_role("region", name="Training signals").get_by_role("img")).to_have_count(1)
    charts = page.get_by_role("region", name="Metrics", exact=True).get_by_role("img")
    expect(charts).to_have_count(2)
    expect(charts.nth(1)).to_have_attribute("aria-label", "val_loss of this trial up to step 3.")
    page.get_by_label("Curves of repeats and folds").check()
    expect(charts.nth(1)).to_have_attribute("aria-label", "val_loss of this trial with 2 members up to step 3.")
    expect(charts).to_have_count(2)


def test_networks_are_compared_with_baselines_once_the_study_has_ended(page: Page, service: Service) -> None:
    body = study("worth", n_trials=2, epochs=2) | {"dataset": "iris", "resources": {"queue": "later"}}
    service.call("POST", "/studies", body)
    page.goto("/studies/worth")
    panel = page.get_by_role("region", name="Is a network worth it here?")
    test = panel.get_by_role("button", name="Test the best network")
    expect(test).to_be_disabled()
    expect(test).to_have_accessible_description(re.compile("The test part is used once"))
    panel.get_by_role("button", name="Fit baselines").click()
    expect(panel.get_by_text("waits for a worker")).to_be_visible()

    service.start_worker(n_slots=1, queues="later")
    expect(test).to_be_enabled(timeout=90_000)
    panel.get_by_role("spinbutton", name="of the best").fill("40")
    panel.get_by_role("button", name="Test an ensemble").click()
    expect(panel.get_by_role("alert")).to_contain_text("too_few_networks")
    test.click()
    table = panel.get_by_role("region", name="Networks and baselines on the test part")
    expect(table.get_by_role("link", name=re.compile("Trial"))).to_have_count(1, timeout=90_000)
    expect(table.get_by_role("row", name="logistic regression")).to_be_visible(timeout=90_000)
    expect(panel.get_by_text(re.compile("is ahead|No difference|Too close to call"))).to_be_visible()
    accuracies = [float(text) for text in table.locator("tbody td.strong").all_inner_texts()]
    assert len(accuracies) > 3
    assert accuracies == sorted(accuracies, reverse=True)


def test_advice_appears_where_there_is_some(page: Page, service: Service) -> None:
    body = study("advised", n_trials=1, epochs=1) | {"sampler": {"name": "manual"}, "budget": {}}
    service.call("POST", "/studies", body)
    for place in range(24):
        params = {"learning_rate": 1e-4 * 100 ** (place / 23)}
        trial = {"params": params, "state": "COMPLETE", "values": {"val_accuracy": place / 24}}
        service.call("POST", "/studies/advised/trials", trial)
    page.goto("/studies/advised")
    advice = page.get_by_role("region", name="Advice")
    expect(advice.get_by_role("list", name="Changes").first).to_contain_text("search_space.learning_rate")

    page.route("**/advice", lambda route: route.fulfill(json={"items": []}))
    page.reload()
    expect(page.get_by_role("region", name="Table of trials")).to_be_visible()
    expect(page.get_by_role("region", name="Is a network worth it here?")).to_be_visible()
    expect(advice).to_have_count(0)


def test_order_and_filter_stand_in_the_address(page: Page, seen: str, service: Service) -> None:
    page.goto(f"/studies/{seen}")
    page.get_by_role("region", name="Table of trials").get_by_role("button", name="val_accuracy").click()
    expect(page).to_have_url(re.compile("sort=value"))
    best = service.call("GET", f"/studies/{seen}")["best_trial"]["number"]
    first = page.get_by_role("region", name="Table of trials").locator("tr.trial").first
    expect(first.get_by_role("link")).to_have_text(str(best))

    page.get_by_role("button", name="pruned").click()
    expect(page).to_have_url(re.compile("state=PRUNED"))
    expect(page.get_by_text("No trial is in these states.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="pruned")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("No trial is in these states.")).to_be_visible()


def test_tabs_share_one_stream(context: BrowserContext, service: Service) -> None:
    streams: list[str] = []
    context.on("request", lambda request: streams.append(request.url) if "/api/v1/events" in request.url else None)
    tabs = [context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto("/studies")
        expect(tab.get_by_text("live", exact=True)).to_be_visible()
    service.call("POST", "/studies", {**study("for-all-tabs", n_trials=1, epochs=1)})
    for tab in tabs:
        expect(tab.get_by_role("link", name="for-all-tabs")).to_be_visible()
    assert len(streams) == 1

    tabs[0].close()
    wait_until(lambda: tabs[1].evaluate("1") == 1 and len(streams) == 2, 20, what="another tab takes over")
    service.call("POST", "/studies", {**study("after-the-first-tab", n_trials=1, epochs=1)})
    for tab in tabs[1:]:
        expect(tab.get_by_role("link", name="after-the-first-tab")).to_be_visible()


def test_page_catches_up_after_the_server_was_away(page: Page, service: Service) -> None:
    page.goto("/studies")
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    assert service.api is not None
    service.api.kill()
    expect(page.get_by_text("reconnecting", exact=True)).to_be_visible()
    service.start_api()
    service.call("POST", "/studies", study("while-away", n_trials=1, epochs=1))
    expect(page.get_by_text("live", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="while-away")).to_have_count(1)
    row = page.get_by_role("row", name="while-away")
    expect(row.get_by_text("COMPLETE", exact=True)).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_views_are_accessible(browser: Browser, service: Service, seen: str, told: str, theme: Any) -> None:
    assert (seen, told) == ("seen", "told")
    with browser.new_context(base_url=service.address, color_scheme=theme, reduced_motion="reduce") as context:
        page = context.new_page()
        for view in VIEWS:
            page.goto(view)
            page.get_by_role("heading", level=1).wait_for()
            page.wait_for_load_state("load")
            expect(page.get_by_text("Loading")).to_have_count(0)
            violations = Axe().run(page).response["violations"]
            found = [(item["id"], item["nodes"][0]["html"]) for item in violations]
            assert found == [], f"{view} in {theme}"


def test_phone_sees_everything_without_scrolling_sideways(
    browser: Browser, service: Service, seen: str, told: str
) -> None:
    assert (seen, told) == ("seen", "told")
    with browser.new_context(base_url=service.address, viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        for view in VIEWS:
            page.goto(view)
            page.get_by_role("heading", level=1).wait_for()
            expect(page.get_by_text("Loading")).to_have_count(0)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, view


def test_text_from_users_stays_text(page: Page, seen: str) -> None:
    page.goto(f"/studies/{seen}")
    expect(page.get_by_text("<img src=x onerror='window.hacked = 1'>", exact=True)).to_be_visible()
    assert page.evaluate("window.hacked") is None


def test_rest_documentation_works_without_internet(page: Page) -> None:
    page.goto("/docs")
    expect(page.get_by_text("/api/v1/studies", exact=True).first).to_be_visible()


def test_token_is_asked_for_once_and_kept(browser: Browser, tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path,
        require_tokens="yes",
        admin_token=SecretStr("the-right-token-of-this-test"),
        dashboard_dir=ROOT / "dashboard" / "dist",
    )
    with serving(settings) as api, browser.new_context(base_url=api.address) as context:
        page = context.new_page()
        page.goto("/studies")
        dialog = page.get_by_role("dialog", name="This server asks for a token")
        dialog.get_by_label("Token").fill("a-wrong-token")
        dialog.get_by_role("button", name="Sign in").click()
        expect(dialog.get_by_role("alert")).to_contain_text("the token is unknown, expired or revoked")
        dialog.get_by_label("Token").fill("the-right-token-of-this-test")
        dialog.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="No studies yet")).to_be_visible()
        expect(page.get_by_text("live", exact=True)).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="No studies yet")).to_be_visible()
        expect(dialog).to_have_count(0)
        # Nothing that a script could read holds the token, or the secret that stands for it.
        kept = page.evaluate("document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)")
        (cookie,) = context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert "the-right-token-of-this-test" not in kept
        assert cookie["value"] not in kept
        # A change passes with the page's CSRF token, not with the cookie alone, and also after another sign-in.
        page.goto("/workers")
        page.get_by_role("button", name="Make a token").click()
        revoke = page.get_by_role("button", name="Revoke it")
        expect(revoke).to_be_visible()
        without = "fetch('/api/v1/tokens', {method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}})"
        assert page.evaluate(f"{without}.then((answer) => answer.status)") == 403
        page.request.post("/api/v1/session", data={"token": "the-right-token-of-this-test"})
        revoke.click()
        expect(revoke).to_have_count(0)
        page.get_by_role("button", name="Sign out").click()
        expect(dialog).to_be_visible()
        assert context.cookies() == []
