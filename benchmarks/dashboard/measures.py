"""What is measured of the dashboard, one function a question."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna_dashboard
from playwright.sync_api import Browser
from tunewell.protocol import MetricPoint, Report

from api.compat.optuna import TunewellStorage
from benchmarks.dashboard.browser import Tab, new_tab
from benchmarks.report import as_json, summarise
from benchmarks.work import METRIC, joined, submit

HISTORY = "document.querySelector('[role=img][aria-label*=\"best\"] canvas')"
ALL_TRIALS = "document.querySelector('.grip')"
CURVES = "document.querySelector('[data-drawn]')"
_TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_BLANKS = """() => {
  const box = document.querySelector('.window');
  const low = box.getBoundingClientRect();
  const rows = [...box.querySelectorAll('tr.trial')].map((row) => row.getBoundingClientRect());
  const seen = (row) => Math.max(0, Math.min(row.bottom, low.bottom) - Math.max(row.top, low.top));
  const covered = rows.reduce((sum, row) => sum + seen(row), 0);
  const head = box.querySelector('thead').getBoundingClientRect().height;
  return 1 - covered / (box.clientHeight - head);
}"""


def measure_page(browser: Browser, url: str, n_rounds: int) -> dict[str, Any]:
    """Return when a study's page shows history, curves and all trials with empty caches, and what it fetched.

    All trials are waited for: a tab that is closed before would leave the server at work, in the next round's time.
    """
    useful_paints = {"history_ms": HISTORY, "curves_ms": CURVES, "all_trials_ms": ALL_TRIALS}
    found: dict[str, list[float]] = {name: [] for name in useful_paints}
    payloads: dict[str, int] = {}
    script_bytes = 0
    for _ in range(n_rounds):
        with new_tab(browser) as tab:
            for name, useful in useful_paints.items():
                at_ms = tab.open(url, useful) if name == "history_ms" else tab.wait(useful)
                if at_ms is not None:
                    found[name].append(at_ms)
                if name == "history_ms":
                    script_bytes = max(script_bytes, tab.script_bytes())
            payloads = tab.payloads()
    shown = {name: as_json(summarise(values)) if values else None for name, values in found.items()}
    return {**shown, "script_bytes_gzipped": script_bytes, "payload_bytes": payloads}


def measure_curves(browser: Browser, url: str, n_moves: int) -> dict[str, Any]:
    """Return frames a second while a pointer passes over the curves, and while they are zoomed in and out."""
    with new_tab(browser) as tab:
        tab.open(url, CURVES)
        panel = tab.page.get_by_role("region", name="Learning curves")
        plot = panel.locator(".u-over")
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box is not None, "the curves are on screen"
        buttons = [panel.get_by_role("button", name=name) for name in ("Zoom in", "Zoom in", "Zoom out", "Zoom out")]

        def zoom() -> None:
            for button in buttons:
                button.click()
                tab.page.wait_for_timeout(400)

        return {"hover": tab.frames(lambda: tab.sweep(dict(box), n_moves)), "zoom": tab.frames(zoom)}


def measure_parallel(browser: Browser, url: str, n_moves: int) -> dict[str, Any] | None:
    """Return frames a second while an axis of the parallel coordinates is brushed; None where the page has none."""
    with new_tab(browser) as tab:
        tab.open(url, HISTORY)
        panel = tab.page.get_by_role("region", name="Parallel coordinates")
        grip = panel.locator(".grip").first
        if tab.wait(ALL_TRIALS) is None:
            return None
        grip.scroll_into_view_if_needed()
        tab.page.wait_for_timeout(1000)
        box = grip.bounding_box()
        assert box is not None, "the axis is on screen"
        return tab.frames(lambda: tab.sweep(dict(box), n_moves, is_dragging=True, is_upright=True))


def measure_table(browser: Browser, url: str, n_screens: int) -> dict[str, Any]:
    """Return frames a second while the table of trials is scrolled, and the largest share of it that was blank."""
    with new_tab(browser) as tab:
        tab.open(url, HISTORY)
        tab.wait("document.querySelector('.window tr.trial')")
        tab.page.locator(".window").scroll_into_view_if_needed()
        blanks: list[float] = []

        def scroll() -> None:
            for screen in range(n_screens):
                tab.page.evaluate("(top) => { document.querySelector('.window').scrollTop = top; }", 300 * screen)
                tab.page.evaluate(
                    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
                )
                blanks.append(tab.page.evaluate(_BLANKS))

        frames = tab.frames(scroll)
        return {**frames, "largest_blank_share": round(max(blanks), 3), "n_screens": n_screens}


def measure_live(browser: Browser, address: str, seed: int, n_probes: int, n_updates: int) -> dict[str, Any]:
    """Return seconds from a report to its point on screen, and the page's memory while an hour's updates come in.

    An hour of a study that reports every other second is `n_updates` reports, sent as fast as the API takes them.
    """
    name = submit(address, 4, seed)
    with joined(address, name) as worker, new_tab(browser) as tab:
        (job,) = worker.claim()
        tab.open(f"{address}/studies/{name}", "document.querySelector('h2')")
        tab.wait("document.body.innerText.includes('live')")

        def report(step: int) -> None:
            point = MetricPoint(METRIC, step, 1.0 - 1.0 / (step + 1))
            worker.protocol.report(job.attempt_id, job.lease_token, Report(seq=step, step=step, metrics=(point,)))

        delays_ms = [_time_to_screen(tab, report, step) for step in range(1, n_probes + 1)]
        heap = [tab.heap_bytes()]
        for step in range(n_probes + 1, n_probes + n_updates + 1):
            report(step)
            if (step - n_probes) % max(1, n_updates // 4) == 0:
                tab.wait(_shows(step))
                heap.append(tab.heap_bytes())
    return {
        "report_to_screen_ms": as_json(summarise([one for one in delays_ms if one is not None])),
        "n_updates": n_updates,
        "heap_bytes_at_each_quarter": heap,
    }


def measure_peer(browser: Browser, database_url: str, study_id: int, timeout_s: float) -> dict[str, Any]:
    """Return when Optuna's dashboard shows a chart of the same study, from the same database through our storage."""
    with _optuna_dashboard(database_url) as address, new_tab(browser) as tab:
        useful = "document.querySelector('.js-plotly-plot .main-svg')"
        shown_ms = tab.open(f"{address}/dashboard/studies/{study_id}", useful, timeout_s)
        return {"first_chart_ms": shown_ms, "gave_up_after_s": timeout_s, "script_bytes_gzipped": tab.script_bytes()}


def _time_to_screen(tab: Tab, report: Any, step: int) -> float | None:
    before_ms = float(tab.page.evaluate("performance.now()"))
    started_at = time.perf_counter()
    report(step)
    sent_ms = 1000 * (time.perf_counter() - started_at)
    at_ms = tab.wait(_shows(step), 30.0)
    # From the answer to the report on: how long the API took to take it is measured elsewhere.
    return None if at_ms is None else max(0.0, at_ms - before_ms - sent_ms)


def _shows(step: int) -> str:
    return f"document.querySelector('[role=img][aria-label*=\"up to step {step},\"]')"


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@contextmanager
def _optuna_dashboard(database_url: str) -> Iterator[str]:
    storage = TunewellStorage(database_url)
    server = make_server("127.0.0.1", 0, optuna_dashboard.wsgi(storage), handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        storage.close()
