"""Pages of comparisons in a real browser, for tests of what they do there."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compared import small

from harness.report.compare.document import as_json
from harness.report.pages.page import page as html_page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAITS, WAIT_MS = 300, 100
DESKTOP, WIDE, PHONE = (1280, 900), (1400, 900), (375, 740)


@functools.cache
def small_page() -> str:
    comparison = small()
    return html_page(comparison, as_json(comparison))


@dataclass
class Opened:
    """A page in the browser, and what it said and asked for."""

    tab: Any
    address: str
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def all(self, script: str) -> Any:
        return self.tab.evaluate(script)

    def draw_all(self) -> None:
        """Opens all, and scrolls to every picture, as a reader would."""
        self.open_all()
        for figure in self.tab.locator("figure.picture").all():
            figure.scroll_into_view_if_needed()
            figure.locator(".main-svg").first.wait_for()

    def open_all(self) -> None:
        self.all("document.querySelectorAll('details').forEach(d => { d.open = true })")
        self.wait_for(
            "[...document.querySelectorAll('figure .table')]"
            ".every(one => one.querySelector('tbody tr'))"
        )

    def wait_for(self, condition: str) -> None:
        """Asked from outside: the page's own policy lets nothing be evaluated in it, as
        Playwright does where it waits for a function."""
        for _ in range(WAITS):
            if self.all(condition):
                return
            self.tab.wait_for_timeout(WAIT_MS)
        raise AssertionError(f"still not so: {condition}")

    def column(self, table: str, title: str) -> list[str]:
        """The texts of a column, as far as its rows are on the page."""
        return self.tab.evaluate(
            """([table, title]) => {
              const heads = [...document.querySelectorAll(`#${table} thead th`)];
              const names = heads.map((one) =>
                one.querySelector("button").firstChild.textContent.trim());
              const rows = [...document.querySelectorAll(`#${table} tbody tr`)];
              return rows.map((row) => row.children[names.indexOf(title)].textContent);
            }""",
            [table, title],
        )

    def undo(self) -> None:
        """No filter, and of every table the first rows."""
        if self.all("Boolean(document.querySelector('#match-count').textContent)"):
            self.all("document.querySelector('#filters [type=reset]').click()")
            wait_for_matches(self, "72 of 72 cases")
        self.all(
            "document.querySelectorAll('.table').forEach(table => {"
            "  const [back] = [...table.querySelectorAll('button')]"
            "    .filter(one => one.textContent === 'Previous rows');"
            "  while (back && !back.disabled) back.click();"
            "})"
        )


def open_page(browser: Any, path: Path, text: str, size: tuple[int, int]) -> Opened:
    """A page of that text in a window of its own."""
    path.write_text(text, encoding="utf-8")
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height})
    tab = context.new_page()
    opened = Opened(tab, path.as_uri())
    tab.on("console", lambda stated: _note(opened.problems, stated))
    tab.on("pageerror", lambda error: opened.problems.append(str(error)))
    tab.on("dialog", lambda dialog: opened.problems.append(dialog.message))
    tab.on("request", lambda request: opened.requests.append(request.url))
    tab.goto(opened.address)
    return opened


def _note(problems: list[str], message: Any) -> None:
    if message.type in ("error", "warning"):
        problems.append(message.text)


def save(opened: Opened, locator: Any) -> str:
    with opened.tab.expect_download() as waiting:
        locator.click()
    return Path(waiting.value.path()).read_text(encoding="utf-8")


def choose(opened: Opened, facet: str, value: str) -> None:
    opened.tab.locator(f"#filters select[name={facet}]").select_option(value)


def wait_for_matches(opened: Opened, text: str) -> None:
    opened.tab.locator("#match-count", has_text=text).wait_for()
