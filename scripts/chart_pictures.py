"""Draw the named examples of charts, and keep them as the figures of docs/charts.md: `make pictures`.

The examples are in dashboard/examples: fixed data, and the components that draw charts in the dashboard. They are built
on demand into a scratch folder, from which a browser gets them without a server.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route

from scripts.picture_differences import Pixels, find_differences, is_same
from tests.servers.browser import run_chromium

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "docs" / "images" / "charts"
ADDRESS = "http://charts.invalid"
"""Nothing is asked of the network: the browser gets the built files for addresses that begin so."""
WIDTH_PX = 720
RATIO = 2
N_COLOURS = (48, 96, 256)
N_LOOKS = 50
"""So often a page that still changes is looked at again."""

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")


def main() -> int:
    """Write the figures that are new or differ, and take away those of charts that are no more."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    with run_chromium() as browser:
        drawn = draw_figures(browser)
    for file in set(FIGURES.glob("*.png")) - {FIGURES / name for name in drawn}:
        file.unlink()
        print(f"removed {file.name}")
    for name, picture in drawn.items():
        if not (FIGURES / name).exists() or not is_same(read_pixels(FIGURES / name), to_pixels(picture)):
            write_figure(picture, FIGURES / name)
            print(f"wrote {name}, {(FIGURES / name).stat().st_size / 1000:.1f} kB")
    print(f"{len(drawn)} figures")
    return 0


def draw_figures(browser: Browser) -> dict[str, Image.Image]:
    """Return the picture of each example in each theme, by the name of its file."""
    with tempfile.TemporaryDirectory(prefix="tunewell-charts-") as folder:
        build_examples(Path(folder))
        return {name: picture for theme in THEMES for name, picture in draw_examples(browser, Path(folder), theme)}


def build_examples(folder: Path) -> None:
    """Build the page of examples into a folder."""
    beside = str(Path(sys.executable).parent)  # where `make` put Node.js if the machine has none
    environment = os.environ | {"PATH": os.pathsep.join([beside, os.environ.get("PATH", "")])}
    command = ["node", "scripts/examples.mjs", str(folder)]
    subprocess.run(command, cwd=ROOT / "dashboard", env=environment, check=True)


def draw_examples(browser: Browser, folder: Path, theme: Theme) -> Iterator[tuple[str, Image.Image]]:
    """Yield the file name and the picture of each example in a theme."""
    errors: list[str] = []
    with _open_context(browser, folder, theme) as context:
        context.on("weberror", lambda error: errors.append(str(error.error)))
        page = context.new_page()
        page.goto(f"{ADDRESS}/index.html")
        page.locator("html[data-drawn]").wait_for()
        whole = _look(page)
        for section in page.locator("body > section").all():
            yield f"{section.get_attribute('id')}-{theme}.png", whole.crop(_box_of(section))
    if errors:
        raise RuntimeError(f"the page of examples failed: {errors}")


def _open_context(browser: Browser, folder: Path, theme: Theme) -> BrowserContext:
    """Open a browser in which nothing depends on where and when it runs."""
    context = browser.new_context(
        viewport={"width": WIDTH_PX, "height": 900},
        device_scale_factor=RATIO,
        color_scheme=theme,
        reduced_motion="reduce",
        timezone_id="UTC",
        locale="en-GB",
    )

    def answer(route: Route) -> None:
        file = folder / route.request.url.removeprefix(f"{ADDRESS}/")
        if file.is_file():
            route.fulfill(path=file)
        else:
            route.abort()

    context.route("**/*", answer)
    return context


def _look(page: Page) -> Image.Image:
    """Take a picture of the page once two in a row are equal: many lines are drawn over several frames."""
    height = page.evaluate("() => document.documentElement.scrollHeight")
    page.set_viewport_size({"width": WIDTH_PX, "height": height})  # what is off the screen may be left undrawn
    before = b""
    for _ in range(N_LOOKS):
        page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        now = page.screenshot()
        if now == before:
            return Image.open(io.BytesIO(now)).convert("RGB")
        before = now
    raise RuntimeError("the page of examples never stands still")


def _box_of(section: Locator) -> tuple[int, int, int, int]:
    """Return where an example lies on its page, in pixels of the picture."""
    box = section.bounding_box()
    if box is None:
        raise RuntimeError(f"the example {section.get_attribute('id')} is not on the page")
    left, top = round(RATIO * box["x"]), round(RATIO * box["y"])
    return left, top, left + round(RATIO * box["width"]), top + round(RATIO * box["height"])


def write_figure(picture: Image.Image, file: Path) -> None:
    """Write a figure in as few colours as show no difference, which makes it small."""
    for n in N_COLOURS:
        few = picture.quantize(n, method=Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
        if not find_differences(to_pixels(few), to_pixels(picture)):
            few.save(file, optimize=True)
            return
    picture.save(file, optimize=True)


def read_pixels(file: Path) -> Pixels:
    """Return the pixels of a figure, `(height, width, 3)`."""
    with Image.open(file) as picture:
        return to_pixels(picture)


def to_pixels(picture: Image.Image) -> Pixels:
    """Return the pixels of a picture, `(height, width, 3)`."""
    return np.asarray(picture.convert("RGB"))


if __name__ == "__main__":
    sys.exit(main())
