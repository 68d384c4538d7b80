"""People on the page of a trial: they stop and retry it, search its log, look at its files, take its network along."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from models.measures.pictures import encode_png
from tests.integration.test_api_trial_outputs import ENVIRONMENT, STAMP
from tests.servers.api import Caller, Json
from tests.servers.dashboard import open_tab, serving_dashboard
from tests.servers.waiting import wait_until
from tests.unit.client.test_prediction import write_network

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SECOND = 1_800_000_000
FINDING: Json = {
    "kind": "overfitting",
    "severity": "problem",
    "title": "Overfitting",
    "evidence": {"sentence": "val_loss was lowest after epoch 2.", "numbers": {"best_epoch": 2, "best_val_loss": 0.4}},
    "remedy": {"sentence": "Try more dropout.", "hints": [{"parameter": "dropout", "direction": "up"}]},
}


@pytest.fixture
def told(browser: Browser, tmp_path: Path) -> Iterator[tuple[str, Caller, Json]]:
    """Serve a study whose first trial runs and has told much; return where, who reports, and the claimed attempt."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path) as caller:
        caller.create("told", budget={"n_trials": 2, "max_parallel": 1, "max_retries": 0})
        body = {"name": "w1", "host": "h1", "pid": 1, "queues": ["told"], "n_slots": 1, "environment": ENVIRONMENT}
        worker_id = caller.call("POST", "/workers", 201, json=body)["worker_id"]
        (job,) = caller.claim(worker_id, "told")
        losses = {"train_loss": (1.0, 0.5, 0.2, 0.1), "val_loss": (0.9, 0.4, 0.6, 0.8)}
        points = [
            {"name": name, "step": place + 1, "value": value}
            for name, values in losses.items()
            for place, value in enumerate(values)
        ]
        points += [
            {"name": name, "step": SECOND + second, "value": value}
            for second in (3, 18)
            for name, value in (("system/process_cpu_percent", 99.0), ("system/process_memory_bytes", 3.0e8))
        ]
        lines = [f"epoch {place}: <b>loss</b> {1 / place:.3f}" for place in range(1, 9)]
        logs = [{"at": STAMP, "text": text} for text in lines]
        caller.report(job, 1, step=4, n_steps=4, metrics=points, logs=logs)
        caller.upload(job, "samples.png", encode_png(np.full((20, 60, 1), 90, dtype=np.uint8)))
        caller.upload(job, "table.csv", b"name,value\n<i>a</i>,1\n")
        network = write_network(tmp_path / "echo.onnx", "prediction", ["n", 2])
        caller.upload(job, "model.onnx", network.read_bytes(), kind="network")
        yield caller.address, caller, {**job, "worker_id": worker_id}


@pytest.fixture
def page(browser: Browser, told: tuple[str, Caller, Json]) -> Iterator[Page]:
    """Open a tab that may copy; nothing in it may throw."""
    with open_tab(browser, told[0]) as opened:
        opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield opened


def test_a_trial_is_stopped_and_retried_from_its_page(page: Page, told: tuple[str, Caller, Json]) -> None:
    _, caller, job = told
    page.goto("/studies/told/trials/0")
    actions = page.get_by_role("group", name="What to do with this trial")
    around = actions.get_by_role("link", name="Start a study around it")
    expect(around).to_have_attribute("href", "/new?around=told%3A0")
    actions.get_by_role("button", name="Stop").click()
    actions.get_by_role("button", name="Stop now").click()
    expect(actions.get_by_text("Stopping…")).to_be_visible()
    assert caller.report(job, 2)["decision"] == "stop"
    caller.finish(job, "STOPPED", diagnosis=[FINDING])
    attempts = page.get_by_role("region", name="Attempts", exact=True)
    expect(attempts).to_contain_text("Somebody stopped it, or its study.")
    chart = page.get_by_role("img", name="val_loss of this trial")
    marked = re.compile(r"Marked: Overfitting from here \(epoch 2\), Overfitting: best val loss \(0.4\)\.$")
    expect(chart).to_have_attribute("aria-label", marked)
    for label in ("Logarithmic", "Smoothing"):
        page.get_by_role("region", name="Metrics", exact=True).get_by_label(label).press(
            "Space" if label == "Logarithmic" else "End"
        )
    expect(page).to_have_url(re.compile(r"y=log.*smooth=0\.95"))

    actions.get_by_role("button", name="Retry").click()
    page.get_by_role("status").get_by_role("link", name="trial 1").click()
    expect(page.get_by_role("heading", level=1, name="Trial 1")).to_be_visible()
    expect(page.get_by_role("region", name="Run", exact=True)).to_contain_text("retry")
    page.get_by_role("button", name="Repeat with other seeds").click()
    dialog = page.get_by_role("dialog", name="Repeat trial 1")
    dialog.get_by_label("New trials").fill("2")
    dialog.get_by_role("button", name="Repeat").click()
    expect(page.get_by_role("status").get_by_role("link")).to_have_text(["trial 2", "trial 3"])
    again = caller.call("GET", "/studies/told/trials/0")["run_again_as"]
    (retried,) = caller.claim(job["worker_id"], "told")
    assert (again, retried["number"], retried["seed"]) == ([1], 1, job["seed"])


def test_a_log_is_searched_and_files_are_looked_at(page: Page, told: tuple[str, Caller, Json]) -> None:
    address, caller, job = told
    page.goto("/studies/told/trials/0")
    log = page.get_by_role("region", name="Log", exact=True)
    lines = log.get_by_role("region", name="Log lines").locator(".line")
    expect(lines).to_have_count(8)
    log.get_by_label("Search the log").fill("EPOCH 3: <B>")
    expect(lines).to_have_count(1)
    expect(log.locator("mark")).to_have_text("epoch 3: <b>")
    expect(log.get_by_role("status")).to_have_text("1 line with “EPOCH 3: <B>”.")
    caller.report(job, 2, logs=[{"at": STAMP, "text": "another epoch 3: <b>"}])
    expect(lines).to_have_count(2)
    page.reload()
    expect(lines).to_have_count(2)
    with page.expect_download() as saved:
        log.get_by_role("link", name="Download").click()
    assert Path(saved.value.path()).read_text().count("\n") == 9

    files = page.get_by_role("region", name="Artifacts", exact=True)
    expect(files.get_by_role("img", name="samples.png: generated images, 60 by 20 pixels")).to_be_visible()
    files.get_by_role("button", name="Show table.csv").click()
    expect(files.get_by_role("region", name="Table of table.csv")).to_contain_text("<i>a</i>")
    page.get_by_role("button", name="Copy Python").click()
    expected = f'import tunewell; network = tunewell.Client("{address}").load_predictor("told", number=0)'
    wait_until(lambda: page.evaluate("navigator.clipboard.readText()") == expected, 10, what="the line is copied")
    command = [sys.executable, "-c", f"{expected}; print(network.predict([[3.0, 5.0]]).values)"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "(3.0,)\n"

    machine = page.get_by_role("region", name="Machine", exact=True)
    expect(machine.get_by_role("img", name="CPU over time: process at most 99 %.")).to_be_visible()
    place = page.get_by_role("region", name="Code and environment")
    expect(place).to_contain_text("Attempt 1 on w1")
    expect(place).to_contain_text(f"{ENVIRONMENT['commit']} (files were changed since)")
    expect(place).to_contain_text(f"Seed {job['seed']}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_accessible_and_fits_a_phone(page: Page, told: tuple[str, Caller, Json], theme: str) -> None:
    _, caller, job = told
    caller.finish(job, "CRASHED", reason="out of patience", is_retryable=False, diagnosis=[FINDING])
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/studies/told/trials/0?log=epoch&smooth=0.5")
    expect(page.get_by_role("region", name="Code and environment")).to_contain_text("w1")
    expect(page.get_by_role("img", name="samples.png")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert Axe().run(page).response["violations"] == []
