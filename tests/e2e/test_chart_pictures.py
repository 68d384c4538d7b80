"""The documentation's figures of charts are what the charts draw."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from scripts.chart_pictures import FIGURES, draw_figures, read_pixels, to_pixels
from scripts.picture_differences import is_same

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_figures_are_what_the_charts_draw(browser: Browser, tmp_path: Path) -> None:
    drawn = draw_figures(browser)
    assert {file.name for file in FIGURES.glob("*.png")} == set(drawn), "run `make pictures`"
    others = [name for name, picture in drawn.items() if not is_same(read_pixels(FIGURES / name), to_pixels(picture))]
    for name in others:
        drawn[name].save(tmp_path / name)
    assert others == [], f"these figures are drawn otherwise now, see {tmp_path}; where that is right: `make pictures`"
