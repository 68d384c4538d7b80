"""People at the pages of data sets: a real browser, the real API."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

from models.measures.pictures import encode_png
from tests.servers.api import Caller
from tests.servers.dashboard import open_tab, serving_dashboard
from tests.servers.datasets import a_table, bring, iris_csv

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def caller(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Serve a study on iris, which is built in."""
    assert browser.is_connected()
    with serving_dashboard(tmp_path_factory.mktemp("datasets")) as caller:
        caller.create("flowers", dataset="iris", sampler={"name": "manual"}, budget={})
        yield caller


@pytest.fixture
def page(browser: Browser, caller: Caller) -> Iterator[Page]:
    """Open a tab; nothing in it may throw."""
    with open_tab(browser, caller.address) as opened:
        yield opened


def no_violations(page: Page) -> None:
    """Let axe judge a page that shows its data."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def test_the_list_is_searched_by_its_address(page: Page) -> None:
    page.goto("/datasets")
    table = page.get_by_role("region", name="Table of data sets")
    expect(table.get_by_role("row", name=re.compile("^iris Iris flowers"))).to_contain_text("classification")
    page.get_by_role("searchbox", name="Search data sets").fill("regression prices")
    expect(table.get_by_role("row")).to_have_count(2)
    expect(table.get_by_role("link", name="diamonds")).to_be_visible()
    no_violations(page)
    page.reload()
    expect(table.get_by_role("row")).to_have_count(2)
    page.get_by_role("searchbox", name="Search data sets").fill("nothing like it")
    page.get_by_role("button", name="Show all").click()
    expect(table.get_by_role("link", name="iris", exact=True)).to_be_visible()


def test_what_others_bring_and_delete_is_seen_without_asking(page: Page, caller: Caller) -> None:
    bring(caller, "shared", a_table(), target="label")
    page.goto("/datasets/shared")
    versions = page.get_by_role("region", name="Versions")
    expect(versions.get_by_role("row")).to_have_count(1 + 1)
    bring(caller, "shared", a_table(seed=8), target="label")
    expect(versions.get_by_role("row")).to_have_count(1 + 2)
    page.goto("/datasets")
    link = page.get_by_role("link", name="shared", exact=True)
    expect(link).to_be_visible()
    caller.call("DELETE", "/datasets/shared", 204)
    expect(link).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_data_set_is_looked_into(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto("/datasets/iris")
    columns = page.get_by_role("region", name="Table of columns")
    expect(columns.get_by_role("row")).to_have_count(1 + 5)  # four features and the target
    expect(columns.get_by_role("img", name=re.compile("^feature 1: 90 numbers from"))).to_be_visible()
    balance = page.get_by_role("table", name=re.compile(r"^Rows of each class.* 3 classes of 50 rows each\."))
    expect(balance.get_by_role("row", name="0 30 10 10")).to_be_visible()
    page.get_by_role("button", name="Show 12 more rows").click()
    expect(page.get_by_role("region", name="Table of sample rows").get_by_role("row")).to_have_count(1 + 20)
    expect(page.get_by_role("region", name="Table of studies").get_by_role("link", name="flowers")).to_be_visible()
    expect(page.get_by_role("region", name="Table of versions")).to_contain_text("0d4fd1357bcb")
    no_violations(page)


def test_images_are_shown(page: Page) -> None:
    page.goto("/datasets/digits")
    expect(page.get_by_role("img", name=re.compile("^Image 1, labelled"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Image 40, labelled"))).to_be_visible()


def test_a_study_is_started_from_a_data_set(page: Page) -> None:
    page.goto("/datasets/diabetes")
    page.get_by_role("link", name="Start a study").click()
    expect(page).to_have_url(re.compile("/new\\?dataset=diabetes$"))
    expect(page.get_by_role("combobox", name="Data set")).to_have_value("diabetes")
    expect(page.get_by_role("combobox", name="Objective")).not_to_have_value("val_accuracy")


def test_an_unknown_data_set_is_said(page: Page) -> None:
    page.goto("/datasets/irs")
    expect(page.get_by_role("alert")).to_contain_text("dataset_not_found")


def a_file(content: bytes, name: str = "flowers.csv") -> FilePayload:
    """A file as somebody chooses it."""
    return {"name": name, "mimeType": "text/csv", "buffer": content}


def test_a_file_is_uploaded_followed_and_used(page: Page) -> None:
    page.goto("/datasets")
    page.get_by_role("link", name="Upload", exact=True).click()
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a file first.")
    page.get_by_label("Choose a file").set_input_files(a_file(iris_csv(), "My Flowers.csv"))
    name = page.get_by_label("Name")
    expect(name).to_have_value("my-flowers")
    no_violations(page)
    name.fill("iris")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("'iris' is built in")).to_be_visible()
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("flowers")
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile(r"/datasets/flowers\?version=1$"))
    columns = page.get_by_role("region", name="Table of columns")
    expect(columns.get_by_role("row", name=re.compile("^species target category 0 3"))).to_be_visible()
    expect(columns.get_by_role("row", name=re.compile("^petal width feature number 0"))).to_be_visible()
    no_violations(page)
    page.get_by_role("link", name="Start a study").click()
    expect(page.get_by_role("combobox", name="Data set")).to_have_value("flowers")
    page.get_by_role("button", name="Start study").click()
    page.get_by_role("heading", name="flowers-mlp").wait_for()
    page.goto("/datasets/flowers")
    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Not over yet: flowers-mlp")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("dataset_in_use")


def test_pictures_in_folders_are_resized_and_shown(page: Page) -> None:
    page.goto("/upload")
    page.get_by_label("Choose a file").set_input_files(a_file(pictures(), "Pets.zip"))
    expect(page.get_by_role("option", name="As it looks: images")).to_be_attached()
    page.get_by_text("Target, splits and more").click()
    page.get_by_label("Picture height").fill("6")
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile(r"/datasets/pets\?version=1$"))
    expect(page.get_by_role("img", name=re.compile("^Image 1, labelled (cats|dogs)"))).to_be_visible()


def pictures() -> bytes:
    """Pack a folder of pictures for each of two classes, of two sizes."""
    file, draw = io.BytesIO(), np.random.default_rng(0)
    with zipfile.ZipFile(file, "w") as archive:
        for label, size in (("cats", 8), ("dogs", 9)):
            for place in range(10):
                shades = draw.integers(0, 256, (size, size, 1), dtype=np.uint8)
                archive.writestr(f"{label}/{place}.png", encode_png(shades))
    return file.getvalue()


def test_a_data_set_that_nobody_uses_is_deleted(page: Page, caller: Caller) -> None:
    bring(caller, "short-lived", a_table())
    page.goto("/datasets/short-lived")
    page.get_by_role("button", name="Delete…").click()
    expect(page.get_by_role("dialog")).to_contain_text("No study uses it.")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/datasets$"))
    page.get_by_role("link", name="iris", exact=True).wait_for()
    expect(page.get_by_role("link", name="short-lived")).to_have_count(0)


def test_an_upload_that_breaks_off_goes_on_where_it_was(page: Page, caller: Caller) -> None:
    content = a_table(n_rows=30_000)
    offsets: list[int] = []

    def hear(route: Route) -> None:
        offsets.append(int(route.request.headers["upload-offset"]))
        if len(offsets) == 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(
        re.compile("/datasets/uploads/[0-9a-f]+$"),
        lambda route: hear(route) if route.request.method == "PATCH" else route.continue_(),
    )
    page.goto("/upload?name=broken")
    page.get_by_label("Choose a file").set_input_files(a_file(content))
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile(r"/datasets/broken\?version=1$"))
    assert offsets[:3] == [0, 262_144, 262_144]
    expect(page.get_by_text("READY", exact=True).first).to_be_visible()
    assert caller.call("GET", "/datasets/broken")["n_rows"] == 30_000


def test_an_upload_is_paused_and_found_again_after_the_page_was_closed(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_bytes(a_table(n_rows=30_000))
    offsets: list[int] = []
    is_deaf = True

    def hear(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if is_deaf and len(offsets) > 1:
                return  # the second piece is never answered
        route.continue_()

    page.route(re.compile("/datasets/uploads/[0-9a-f]+$"), hear)
    page.goto("/upload")
    page.get_by_label("Choose a file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("progressbar")).to_have_attribute("aria-valuetext", re.compile("^256 KiB of"))
    no_violations(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused.")).to_be_visible()
    is_deaf = False
    page.reload()
    page.get_by_label("Choose a file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page).to_have_url(re.compile(r"/datasets/long\?version=1$"))
    assert offsets[:3] == [0, 262_144, 262_144]


def test_a_bad_file_shows_its_reason_and_is_read_again(page: Page) -> None:
    page.goto("/upload?name=bad")
    page.get_by_label("Choose a file").set_input_files(a_file(b"a,b,label\n1,2,x\n1,2\n"))
    page.get_by_role("button", name="Upload").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("line 3 has 2 cells where the first has 3")
    expect(page.get_by_text("FAILED", exact=True).first).to_be_visible()
    no_violations(page)
    page.goto("/upload?name=bad")
    page.get_by_label("Choose a file").set_input_files(a_file(a_table()))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("region", name="Table of columns")).to_be_visible()
    page.get_by_text("Read again with other options").click()
    page.get_by_role("combobox", name="Target").fill("colour")
    page.get_by_role("button", name="Read again").click()
    row = page.get_by_role("region", name="Table of columns").get_by_role("row", name=re.compile("^colour target"))
    expect(row).to_be_visible()
    expect(page).to_have_url(re.compile(r"/datasets/bad\?version=3$"))


@pytest.mark.parametrize("path", ["/upload", "/datasets", "/datasets/iris", "/datasets/digits"])
def test_no_page_scrolls_sideways_on_a_phone(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    page.get_by_role("table" if path != "/upload" else "form").or_(page.get_by_label("Name")).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
