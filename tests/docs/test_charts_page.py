"""The page on charts shows every figure there is, and no other."""

import re

from scripts.chart_pictures import FIGURES
from tests.docs import pages


def test_every_figure_is_shown() -> None:
    shown = re.findall(r"images/charts/([\w-]+\.png)", pages.read("docs/charts.md"))
    assert sorted(shown) == sorted(file.name for file in FIGURES.glob("*.png"))
