"""The page in headless Chromium: real clicks and strokes."""

import contextlib
import importlib.util
import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MISSING = [name for name in ("gradio", "playwright") if importlib.util.find_spec(name) is None]
if CHROMIUM is None:
    MISSING.append("chromium")
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {', '.join(MISSING)} (requirements-app-dev.txt)"
)
# A class may be called so; a page that took it for a template would run it.
HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)}"


@pytest.fixture(scope="module")
def address(start, tmp_path_factory):
    """The address of a page that is served in threads of this process."""
    from hidra_tf.app import serve

    with pytest.MonkeyPatch.context() as patch:
        for name in ("GRADIO_TEMP_DIR", *serve.OFFLINE):
            patch.setenv(name, "")  # taken back afterwards
        page = serve.launched(start, "a test", serve.LOOPBACK, None, tmp_path_factory.mktemp("app"))
        yield page.local_url
        page.close(verbose=False)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    """The page for a new visitor; it must ask no other server, run no name and log no error."""
    with contextlib.closing(browser.new_context()) as context:
        page, trouble = context.new_page(), []
        page.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda asked: _is_ours(asked.url, address) or trouble.append(asked.url))
        page.goto(address)
        page.wait_for_selector("#pad canvas")
        yield page
        assert trouble == []


def _is_ours(url, address):
    return url.startswith((address, "data:", "blob:"))


def name_class(page, name):
    page.fill("#name input, #name textarea", name)
    page.keyboard.press("Enter")
    of_class(page, name).wait_for()


def of_class(page, name):
    return page.locator("#board section").filter(has=page.get_by_role("heading", name=name))


def strokes(page, text):
    """Draws with the mouse: JSON of strokes x, y, x, y … in shares of the pad."""
    pad = page.locator("#pad canvas").bounding_box()
    for stroke in json.loads(text):
        points = np.reshape(stroke, (-1, 2)) * pad["width"] + (pad["x"], pad["y"])
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()


def add(page, name):
    """Adds what is drawn or chosen to a class; returns when it is shown there."""
    one = of_class(page, name).locator(".one")
    before = one.count()
    of_class(page, name).get_by_role("button", name="Add").click()
    one.nth(before).wait_for()


def test_classes_are_drawn_told_apart_removed_and_downloaded(page, draw, tmp_path):
    for name in ("circle", "cross"):
        name_class(page, name)
        strokes(page, draw(name))
        add(page, name)
        page.locator("#pad .ghost").wait_for()  # the pad is empty again
    strokes(page, draw("cross", 0.3, 0.3, 0.15))
    page.locator("section.best[data-name=cross]").wait_for()
    shares = page.locator("#board .share").all_inner_texts()
    assert sum(float(share.removesuffix(" %")) for share in shares) == pytest.approx(100, abs=0.2)
    assert page.inner_text("#hint").startswith("This is “cross”, with ")

    page.get_by_text("Download your classifier").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Classifier", exact=True).click()
    download.value.save_as(tmp_path / "classifier.zip")
    with zipfile.ZipFile(tmp_path / "classifier.zip") as archive:
        learned = json.loads(archive.read("classifier/classifier.json"))
    assert (learned["labels"], learned["counts"]) == (["circle", "cross"], [1, 1])

    of_class(page, "circle").get_by_role("button", name="Remove circle").click()
    page.wait_for_function("document.querySelectorAll('#board section').length === 1")
    assert page.locator("#board h3").all_inner_texts() == ["cross"]


def test_files_are_added_and_refused_in_one_line_each(page, tmp_path):
    Image.new("L", (30, 30), 200).save(tmp_path / "grey.png")
    (tmp_path / "fake.png").write_text("no picture")
    name_class(page, HOSTILE)
    page.get_by_role("tab", name="Files").click()
    files = [tmp_path / "grey.png", tmp_path / "fake.png"]
    page.set_input_files("#files input[type=file]", files)
    page.get_by_text("fake.png: expected a whole picture").wait_for()
    add(page, HOSTILE)
    assert of_class(page, HOSTILE).locator(".one").count() == 1
    of_class(page, HOSTILE).locator(".one").click()
    of_class(page, HOSTILE).get_by_text("no picture yet").wait_for()


def test_visitors_do_not_see_one_anothers_classes(page, browser, address):
    name_class(page, "mine")
    with contextlib.closing(browser.new_context()) as context:
        other = context.new_page()
        other.goto(address)
        other.get_by_text("Your classes will stand here").wait_for()
        name_class(other, "mine")  # the name is free
        assert other.locator("#board section").count() == 1
