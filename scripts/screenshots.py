"""Make the pictures of the documentation from a server that runs.

`python -m scripts.screenshots ADDRESS STUDY [TRIAL]`, for instance after `make up`,
`tunewell study submit examples/digits-mlp.yaml --watch` and `tunewell evaluate digits-mlp --baselines --ensemble 5`:
`python -m scripts.screenshots http://127.0.0.1:8000 digits-mlp 4`.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.servers.browser import run_chromium

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
# Pictures of one panel of a study: what its address needs, and the panel's name.
PANELS = {
    "comparison": ("", "Is a network worth it here?"),
    "parallel": ("", "Parallel coordinates"),
    "contour": ("?panel=contour", "Explore"),
    "timeline": ("?panel=timeline", "Explore"),
}


def main(address: str, study: str, trial: str = "0") -> None:
    """Write a picture of each page, and of some panels of a study, in both themes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = {"studies": "/", "study": f"/studies/{study}", "trial": f"/studies/{study}/trials/{trial}", "new": "/new"}
    pages |= {"datasets": "/datasets", "dataset": "/datasets/digits", "edit": f"/studies/{study}/edit"}
    pages |= {"workers": "/workers", "compare": f"/compare?trials={study}:0,{study}:1,{study}:2"}
    with run_chromium() as browser:
        for theme in ("light", "dark"):
            for name, path in pages.items():
                _shoot(browser, address + path, theme, FOLDER / f"{name}-{theme}.png")
            for name, (query, region) in PANELS.items():
                _shoot(browser, address + pages["study"] + query, theme, FOLDER / f"{name}-{theme}.png", region)


def _shoot(browser: Browser, url: str, theme: str, file: Path, region: str | None = None) -> None:
    context = browser.new_context(
        viewport={"width": 1280, "height": 1010}, color_scheme="dark" if theme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(url)
    page.get_by_role("heading", level=1).wait_for()
    page.get_by_text("live", exact=True).wait_for()
    expect(page.get_by_text("Loading")).to_have_count(0, timeout=60_000)
    page.wait_for_timeout(1500)  # charts draw when their data is there, and say nothing
    shown = page if region is None else page.get_by_role("region", name=region)
    shown.screenshot(path=file)
    context.close()
    print(file)


if __name__ == "__main__":
    main(*sys.argv[1:4])
