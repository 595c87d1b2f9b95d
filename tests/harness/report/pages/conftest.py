"""A browser, and pages in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import DESKTOP, FLAGS, NAMES, Opened, open_page, small_page

from harness.report.compare.document import as_json
from harness.report.compare.model import Comparison
from harness.report.pages.page import page as html_page


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'"
    )
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"needs a browser: none of {', '.join(NAMES)} is on the PATH")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def visit(
    browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Opened]]:
    """A function that opens a comparison's page in a window of a size."""
    visited: list[Opened] = []

    def opened(
        comparison: Comparison, size: tuple[int, int] = DESKTOP, text: str | None = None
    ) -> Opened:
        path = tmp_path_factory.mktemp("page") / "page.html"
        text = text or html_page(comparison, as_json(comparison))
        visited.append(open_page(browser, path, text, size))
        return visited[-1]

    yield opened
    for one in visited:
        one.tab.context.close()


@pytest.fixture(scope="module")
def drawn(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The small comparison's page with every picture drawn and everything opened: to
    run plotly.js and draw takes longer than what most tests ask of a page."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    found = open_page(browser, path, small_page(), DESKTOP)
    found.draw_all()
    found.open_all()
    yield found
    found.tab.context.close()


@pytest.fixture
def opened(drawn: Opened) -> Iterator[Opened]:
    """That page; what a test has filtered or turned there is undone after it."""
    yield drawn
    drawn.undo()


@pytest.fixture
def fresh(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """The same page just loaded: nothing below its top is drawn."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    found = open_page(browser, path, small_page(), DESKTOP)
    yield found
    found.tab.context.close()
