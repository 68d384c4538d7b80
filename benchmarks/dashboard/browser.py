"""A headless Chromium and what is measured in it: paints, frames, payloads, memory."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Response
from playwright.sync_api import TimeoutError as NotInTime

from benchmarks.report import percentile

VIEWPORT = {"width": 1280, "height": 900}
_COUNT_FRAMES = """() => {
  window.frames_ms = [];
  const note = (at) => { window.frames_ms.push(at); window.frame = requestAnimationFrame(note); };
  window.frame = requestAnimationFrame(note);
}"""
_STOP_FRAMES = "() => { cancelAnimationFrame(window.frame); return window.frames_ms; }"


@dataclass(slots=True)
class Tab:
    """One tab, and what it has received."""

    page: Page
    devtools: CDPSession
    answers: list[Response] = field(default_factory=list)

    def open(self, url: str, useful: str, timeout_s: float = 120.0) -> float | None:
        """Open a page and return the milliseconds from the start of the navigation to its useful paint.

        Args:
            url: The page.
            useful: JavaScript that is true once what a reader came for is there.
            timeout_s: Patience; None is returned where it runs out.
        """
        self.answers.clear()
        self.page.goto(url, wait_until="commit")
        return self.wait(useful, timeout_s)

    def wait(self, condition: str, timeout_s: float = 60.0) -> float | None:
        """Return `performance.now()` of the first frame in which a condition is true; None where there is none."""
        script = f"() => ({condition}) ? performance.now() : false"
        try:
            handle = self.page.wait_for_function(script, polling="raf", timeout=timeout_s * 1000)
        except NotInTime:
            return None
        return round(float(handle.json_value()), 1)

    def frames(self, act: Callable[[], None]) -> dict[str, float]:
        """Return how many frames a second are painted while `act` runs, and how long the slow ones take."""
        self.page.evaluate(_COUNT_FRAMES)
        act()
        at_ms: list[float] = self.page.evaluate(_STOP_FRAMES)
        gaps = [after - before for before, after in pairwise(at_ms)]
        if not gaps:
            return {"frames_per_s": 0.0, "p95_ms": float("inf"), "longest_ms": float("inf")}
        return {
            "frames_per_s": round(1000 * len(gaps) / sum(gaps), 1),
            "p95_ms": round(percentile(gaps, 0.95), 1),
            "longest_ms": round(max(gaps), 1),
        }

    def payloads(self) -> dict[str, int]:
        """Return the bytes of the API's answers by path, uncompressed, the largest of each."""
        found: dict[str, int] = {}
        for answer in self.answers:
            path = answer.url.split("/api/v1", 1)[-1].split("?", 1)[0]
            if "/api/v1/" in answer.url and not path.startswith("/events") and answer.ok:
                found[path] = max(found.get(path, 0), len(answer.body()))
        return found

    def script_bytes(self) -> int:
        """Return the bytes of all JavaScript that the page has asked for, gzipped."""
        scripts = [one for one in self.answers if one.request.resource_type == "script" and one.ok]
        return sum(len(gzip.compress(one.body())) for one in scripts)

    def heap_bytes(self) -> int:
        """Return what the page's objects take after a garbage collection."""
        self.devtools.send("HeapProfiler.collectGarbage")
        metrics = self.devtools.send("Performance.getMetrics")["metrics"]
        return int(next(one["value"] for one in metrics if one["name"] == "JSHeapUsedSize"))

    def sweep(self, box: dict[str, Any], n_moves: int, *, is_dragging: bool = False, is_upright: bool = False) -> None:
        """Move the pointer through a box, from one end to the other."""
        left, top, width, height = (float(box[name]) for name in ("x", "y", "width", "height"))
        for move in range(n_moves):
            share = 0.1 + 0.8 * move / n_moves
            x = left + width * (0.5 if is_upright else share)
            y = top + height * (share if is_upright else 0.3 + 0.4 * (move % 10) / 10)
            self.page.mouse.move(x, y)
            if is_dragging and move == 0:
                self.page.mouse.down()
        if is_dragging:
            self.page.mouse.up()


@contextmanager
def new_tab(browser: Browser) -> Iterator[Tab]:
    """Open a tab with empty caches for the length of a `with` block."""
    with browser.new_context(viewport=VIEWPORT) as context:  # type: ignore[arg-type]
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("Performance.enable")
        tab = Tab(page, devtools)
        page.on("response", lambda answer: tab.answers.append(answer))  # a method of a list takes no mark
        yield tab
