"""Comparing pictures of charts: another machine's letters pass, what is lost, moved or recoloured does not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from scripts.chart_pictures import FIGURES, read_pixels
from scripts.picture_differences import Pixels, find_differences, is_same

LINE, OTHER_LINE, FAINT_LINE, TEXT, GRID = "#0072b2", "#d55e00", "#dadee1", "#55616d", "#edf0f2"
SOME = [FIGURES / f"{name}.png" for name in ("history-light", "contour-dark", "timeline-light")]


def chart(
    *, colours: tuple[str, ...] = (LINE, OTHER_LINE), labels: str = "0 20 40 60", font_px: int = 24, left: int = 80
) -> Pixels:
    """Draw two lines over an axis with labels, twice as large as on a screen."""
    picture = Image.new("RGB", (640, 320), "white")
    pen = ImageDraw.Draw(picture)
    for place, label in enumerate(labels.split()):
        x = left + 160 * place
        pen.line([(x, 20), (x, 270)], fill=GRID, width=2)
        pen.text((x, 280), label, fill=TEXT, font=ImageFont.load_default(font_px), anchor="mt")
    for place, colour in enumerate(colours):
        pen.line([(left, 240 - 60 * place), (left + 200, 120 - 40 * place), (620, 100 - 40 * place)], colour, width=3)
    return np.asarray(picture)


def test_the_same_picture_is_the_same() -> None:
    assert find_differences(chart(), chart()) == []


@pytest.mark.parametrize("font_px", [21, 27])
def test_letters_of_another_size_are_the_same(font_px: int) -> None:
    assert is_same(chart(), chart(font_px=font_px))


def test_lines_that_are_softened_or_lie_a_pixel_beside_are_the_same() -> None:
    soft = Image.fromarray(chart(left=81)).filter(ImageFilter.GaussianBlur(0.8))
    assert is_same(chart(), np.asarray(soft))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: chart(colours=(LINE,)), id="a line is gone"),
        pytest.param(lambda: chart(colours=(LINE, LINE)), id="a line has another colour"),
        pytest.param(lambda: chart(colours=(LINE, OTHER_LINE, FAINT_LINE)), id="a faint line is there"),
        pytest.param(lambda: chart(labels="0 20 40"), id="a label and its line are gone"),
        pytest.param(lambda: chart(left=112), id="the axis has moved"),
    ],
)
def test_what_is_lost_moved_or_recoloured_is_another(other: Callable[[], Pixels]) -> None:
    assert not is_same(chart(), other())
    assert not is_same(other(), chart())


def test_a_lost_digit_is_seen() -> None:
    without = chart().copy()
    without[276:] = chart(labels="1 20 40 60")[276:]
    without[276:, :110] = 255
    assert not is_same(chart(), without)


def test_another_height_is_another() -> None:
    assert is_same(chart(), chart()[:-10])
    assert not is_same(chart(), chart()[:-40])


@pytest.mark.parametrize("file", SOME, ids=lambda file: str(file.stem))
def test_figures_that_are_moved_or_grey_are_others(file: Path) -> None:
    figure = read_pixels(file)
    assert is_same(figure, figure)
    assert not is_same(figure, np.roll(figure, 40, axis=1))
    with Image.open(file) as picture:
        assert not is_same(figure, np.asarray(picture.convert("L").convert("RGB")))
