"""The page in a real browser: what is drawn, sorted, filtered, saved and printed, that
nothing leaves it, and that names from strangers stay text."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from compared import CLOSING, FORMULA, NASTY, single, small
from extremes import hostile, large

from harness.report.compare.document import as_json
from harness.report.pages.page import page as html_page
from harness.report.pages.pictures import all_pictures

playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'"
)
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
DESKTOP, PHONE = (1280, 900), (375, 740)


@dataclass
class Opened:
    """A page in the browser, and what it said and asked for."""

    tab: object
    address: str
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def all(self, script: str):
        return self.tab.evaluate(script)

    def draw_all(self) -> None:
        """Scrolls to every picture, as a reader would."""
        for figure in self.tab.locator("figure.picture").all():
            figure.scroll_into_view_if_needed()
            figure.locator(".main-svg").first.wait_for()

    def open_all(self) -> None:
        self.all("document.querySelectorAll('details').forEach(d => { d.open = true })")
        self.tab.wait_for_function(
            "[...document.querySelectorAll('figure .table')]"
            ".every(one => one.querySelector('tbody tr'))"
        )

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


@pytest.fixture(scope="module")
def browser():
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"needs a browser: none of {', '.join(NAMES)} is on the PATH")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def visit(browser, tmp_path_factory):
    """A function that opens a comparison's page in a window of a size."""
    contexts = []

    def visited(comparison, size=DESKTOP, document=None) -> Opened:
        path: Path = tmp_path_factory.mktemp("page") / "page.html"
        text = as_json(comparison) if document is None else document
        path.write_text(html_page(comparison, text), encoding="utf-8")
        width, height = size
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        tab = context.new_page()
        opened = Opened(tab, path.as_uri())
        tab.on("console", lambda told: _note(opened.problems, told))
        tab.on("pageerror", lambda error: opened.problems.append(str(error)))
        tab.on("dialog", lambda dialog: opened.problems.append(dialog.message))
        tab.on("request", lambda request: opened.requests.append(request.url))
        tab.goto(opened.address)
        return opened

    yield visited
    for context in contexts:
        context.close()


def _note(problems, told):
    if told.type in ("error", "warning"):
        problems.append(told.text)


@pytest.fixture
def opened(visit):
    found = visit(small())
    yield found
    found.tab.close()


def save(opened, locator):
    with opened.tab.expect_download() as waiting:
        locator.click()
    return Path(waiting.value.path()).read_text(encoding="utf-8")


def figure(text: str) -> float:
    return float(text.replace(",", ""))


def agree(shown: str, value: float) -> bool:
    """Whether a text shows the value, to its own last digit or to three."""
    decimals = len(shown.partition(".")[2])
    return abs(figure(shown) - value) <= max(0.5001 * 10**-decimals, 0.005 * abs(value))


# Pictures


def test_every_picture_is_drawn_without_a_complaint(opened):
    opened.draw_all()
    drawn = opened.all(
        "Object.fromEntries([...document.querySelectorAll('figure.picture')].map("
        "one => [one.id, one.querySelector('.plot')._fullData.length]))"
    )
    pictures, _ = all_pictures(small())
    assert drawn == {one.id: len(one.figure["data"]) for one in pictures}
    assert opened.problems == []


def test_nothing_is_asked_of_any_network(opened):
    opened.draw_all()
    opened.open_all()
    asked = [url for url in opened.requests if not url.startswith(("data:", "blob:"))]
    assert asked == [opened.address]


def test_no_picture_offers_to_send_its_data_to_anyone(opened):
    opened.draw_all()
    offered = opened.all(
        "[...document.querySelectorAll('#load-1 .modebar-btn')]"
        ".map(one => one.getAttribute('data-title'))"
    )
    assert offered == ["Zoom", "Pan", "Reset axes", "Download plot as a PNG"]


def test_pictures_far_below_wait_until_they_are_near(visit):
    opened = visit(small())
    opened.tab.locator("h1").wait_for()
    assert opened.tab.locator("#tta-1 .main-svg").count() == 0
    opened.tab.locator("#tta-1").scroll_into_view_if_needed()
    opened.tab.locator("#tta-1 .main-svg").first.wait_for()


def test_what_is_drawn_is_what_the_json_holds(opened):
    opened.draw_all()
    document = json.loads(as_json(small()))
    traces = opened.all("document.querySelector('#throughput-1 .plot').data")
    (xeon,) = [trace for trace in traces if trace["name"] == "xeon"]
    by_work = dict(zip(xeon["text"], xeon["x"], strict=True))
    assert len(by_work) == 20
    for row in document["rows"]:
        if row["work"] in by_work:
            value = row["cells"]["xeon"]["rtfx"]["value"]
            assert by_work[row["work"]] == pytest.approx(value, rel=1e-5)


# Tables


def test_numbers_in_the_tables_are_those_of_the_json(opened):
    rows = {row["work"]: row for row in json.loads(as_json(small()))["rows"]}
    checked = 0
    while True:
        columns = {
            title: opened.column("cases-1", title)
            for title in (
                "work",
                "candidate",
                "step",
                "time ratio",
                "RTFx",
                "p99",
                "wer",
            )
        }
        for cells in zip(*columns.values(), strict=True):
            work, label, step, ratio, rtfx, p99, wer = cells
            cell = rows[f"asr-inference/{work}"]["cells"][label]
            assert agree(step, 1e3 * cell["step_s"]["value"])
            assert agree(ratio, cell["time_ratio"]["value"])
            assert agree(rtfx, cell["rtfx"]["value"])
            assert agree(p99, cell["latency_ms"]["p99"]["value"])
            assert agree(wer, 100 * cell["errors"]["wer"]["value"])
            checked += 1
        further = opened.tab.locator("#cases-1").get_by_text("Next rows")
        if further.is_disabled():
            break
        further.click()
    assert checked == 64


def test_the_ranking_and_the_money_are_those_of_the_json(opened):
    document = json.loads(as_json(small()))
    scores = document["ranking"]["scores"]
    assert opened.column("scores", "candidate") == [s["candidate"] for s in scores]
    for shown, score in zip(opened.column("scores", "speed"), scores, strict=True):
        assert agree(shown, score["score"])
    prices = document["money"]["prices"]
    shown = opened.column("prices", "busy hour")
    assert all(agree(t, p["per_busy_hour"]) for t, p in zip(shown, prices, strict=True))


def test_a_click_sorts_and_another_turns_the_order(opened):
    head = opened.tab.locator("#cases-1 thead th", has_text="RTFx")
    everything = sorted(
        cell.rtfx.value
        for row in small().rows
        if row.work.workload == "asr-inference"
        for cell in row.cells.values()
        if cell.gate_passed is not False
    )
    assert head.get_attribute("aria-sort") == "none"
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    shown = [figure(text) for text in opened.column("cases-1", "RTFx")]
    assert shown == sorted(shown)
    assert shown[0] == pytest.approx(everything[0], rel=0.005)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    shown = [figure(text) for text in opened.column("cases-1", "RTFx")]
    assert shown == sorted(shown, reverse=True)
    assert shown[0] == pytest.approx(everything[-1], rel=0.005)


def test_tables_sort_by_keyboard_and_text_by_its_numbers(opened):
    head = opened.tab.locator("#cases-1 thead th", has_text="work")
    head.get_by_role("button").focus()
    opened.tab.keyboard.press("Enter")
    opened.tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    works = opened.column("cases-1", "work")
    assert works[0] == "ds2-small/int8-dynamic/onnxruntime/b64"
    assert works.index("ds2-small/int8-dynamic/onnxruntime/b16") < works.index(
        "ds2-small/int8-dynamic/onnxruntime/b4"
    )


def test_what_is_not_known_comes_last_whichever_way_it_is_sorted(opened):
    head = opened.tab.locator("#serving thead th", has_text="hour of audio")
    for _ in range(2):
        head.get_by_role("button").click()
        assert opened.column("serving", "hour of audio")[-1] == "-"


def test_long_tables_turn_their_pages(opened):
    table = opened.tab.locator("#cases-1")
    assert table.locator("tbody tr").count() == 50
    assert "rows 1 to 50 of 64" in table.inner_text()
    table.get_by_text("Next rows").click()
    assert table.locator("tbody tr").count() == 14
    assert table.get_by_text("Next rows").is_disabled()
    assert opened.tab.locator("#scores").get_by_text("Next rows").is_hidden()


# Filters


def choose(opened, facet, value):
    opened.tab.locator(f"#filters select[name={facet}]").select_option(value)


def wait_for_matches(opened, text):
    opened.tab.locator("#match-count", has_text=text).wait_for()


def test_filters_choose_rows_and_hide_workloads_without_any(opened):
    choose(opened, "compression", "bf16")
    choose(opened, "candidate", "xeon")
    wait_for_matches(opened, "9 of 72 cases")
    assert set(opened.column("cases-1", "candidate")) == {"xeon"}
    assert all("/bf16/" in work for work in opened.column("cases-1", "work"))
    assert opened.column("failed", "work") == ["No row matches."]
    choose(opened, "workload", "asr-training")
    wait_for_matches(opened, "1 of 72 cases")
    assert opened.tab.locator("#workload-1").is_hidden()
    assert opened.tab.locator("#workload-2").is_visible()
    opened.tab.locator("#filters").get_by_text("Clear").click()
    opened.tab.locator("#workload-1").wait_for()
    assert opened.tab.locator("#cases-1 tbody tr").count() == 50


def test_text_filters_names_in_any_case_and_runtime_by_choice(opened):
    opened.tab.locator("#filters input").fill("INT8")
    wait_for_matches(opened, "16 of 72 cases")
    assert all("int8" in work for work in opened.column("cases-1", "work"))
    choose(opened, "runtime", "eager")
    wait_for_matches(opened, "8 of 72 cases")
    assert all("/eager/" in work for work in opened.column("cases-1", "work"))


def test_a_filter_leaves_ranking_and_money_alone(opened):
    opened.tab.locator("#filters input").fill("nothing of that name")
    wait_for_matches(opened, "0 of 72 cases")
    assert len(opened.column("scores", "candidate")) == 3
    assert len(opened.column("serving", "candidate")) == 3


# Downloads


def test_csv_has_every_row_and_the_columns_that_are_not_shown(opened):
    text = save(opened, opened.tab.locator("#cases-1").get_by_text("Download CSV"))
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert len(rows) == 64
    cell = small().rows[0].cells["xeon"]
    (row,) = [
        row
        for row in rows
        if row["work"] == "ds2-small/fp32/eager/b1" and row["candidate"] == "xeon"
    ]
    assert row["workload"] == "asr-inference"
    assert row["batch size"] == "1"
    assert float(row["RTFx"]) == pytest.approx(cell.rtfx.value, rel=1e-5)
    assert float(row["RTFx low"]) == pytest.approx(cell.rtfx.low, rel=1e-5)
    assert float(row["p99 at most (ms)"]) == pytest.approx(
        cell.latency_ms["p99"].upper_bound, rel=1e-5
    )
    assert row["p99.9 (ms)"] == "" if "p99.9 (ms)" in row else True


def test_csv_of_a_filtered_table_has_what_matches(opened):
    choose(opened, "compression", "bf16")
    wait_for_matches(opened, "of")
    text = save(opened, opened.tab.locator("#cases-1").get_by_text("Download CSV"))
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert {row["compression"] for row in rows} == {"bf16"}


def test_every_picture_has_its_numbers_as_a_table(opened):
    opened.open_all()
    for picture in all_pictures(small())[0]:
        rows = opened.tab.locator(f"#{picture.table.id} tbody tr").count()
        assert rows == min(len(picture.table), 50)


def test_every_kind_of_picture_is_saved_as_csv(opened):
    opened.open_all()
    kinds = {one.id.rpartition("-")[0]: one for one in all_pictures(small())[0]}
    for picture in kinds.values():
        table = opened.tab.locator(f"#{picture.table.id}")
        text = save(opened, table.get_by_text("Download CSV"))
        assert len(list(csv.reader(io.StringIO(text)))) == len(picture.table) + 1


def test_the_whole_comparison_is_saved_as_json(opened):
    text = save(opened, opened.tab.get_by_text("Download everything as JSON"))
    assert json.loads(text) == json.loads(as_json(small()))


def test_csv_holds_no_formula(visit):
    opened = visit(small((FORMULA, "-b", "@c")))
    text = save(opened, opened.tab.locator("#scores").get_by_text("Download CSV"))
    rows = list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    assert sorted(row[1] for row in rows[1:]) == sorted([f"'{FORMULA}", "'-b", "'@c"])
    text = save(opened, opened.tab.locator("#wins").get_by_text("Download CSV"))
    head = next(csv.reader(io.StringIO(text.lstrip("\ufeff"))))
    assert f"'{FORMULA}" in head


# Everyone can read it


@pytest.mark.parametrize(
    ("made", "size"), [(small, DESKTOP), (small, PHONE), (single, DESKTOP)]
)
def test_axe_finds_nothing_serious(visit, made, size):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    opened = visit(made(), size)
    opened.draw_all()
    opened.open_all()
    opened.all("scrollTo(0, 0)")
    found = axe.Axe().run(opened.tab).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    told = [(one["id"], one["nodes"][0]["html"][:200]) for one in serious]
    assert told == []


@pytest.mark.parametrize("made", [small, single, lambda: hostile("n" * 200)])
def test_a_phone_scrolls_in_one_direction(visit, made):
    opened = visit(made(), PHONE)
    opened.draw_all()
    opened.open_all()
    width = opened.all("document.documentElement.scrollWidth")
    assert width <= PHONE[0]
    plots = opened.all(
        "[...document.querySelectorAll('.plot .main-svg')].map(s => s.clientWidth)"
    )
    assert max(plots) <= PHONE[0]


def test_paper_has_everything_opened_drawn_and_no_controls(opened):
    opened.tab.emulate_media(media="print")
    opened.all("dispatchEvent(new Event('beforeprint'))")
    pictures, _ = all_pictures(small())
    assert opened.tab.locator("figure.picture .plot .main-svg").count() >= len(pictures)
    assert opened.tab.locator("details:not([open])").count() == 0
    assert opened.tab.locator("#cases-1 tbody tr").count() == 64
    assert opened.tab.locator("#throughput-1-table tbody tr").count() == 20
    for control in ("#filters", "nav", "#cases-1 .tools", "#save-document"):
        assert opened.tab.locator(control).is_hidden(), control
    sizes = opened.all(
        "[...document.querySelectorAll('.plot')]"
        ".map(p => [p._fullLayout.width, p._fullLayout.height])"
    )
    assert {width for width, _ in sizes} == {1010}
    assert max(height for _, height in sizes) == 620
    opened.all("dispatchEvent(new Event('afterprint'))")
    opened.tab.emulate_media(media="screen")
    assert opened.tab.locator("details[open]").count() == 0
    tall = opened.all(
        "document.querySelector('#throughput-1 .plot')._fullLayout.height"
    )
    assert tall == all_pictures(small())[0][2].figure["layout"]["height"]
    assert opened.tab.locator("#cases-1 tbody tr").count() == 50


def test_the_page_becomes_a_pdf(opened):
    pdf = opened.tab.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert opened.problems == []


# Strangers


@pytest.mark.parametrize("nasty", [NASTY, CLOSING, "<b>%{x}</b> &lt;b&gt;"])
def test_hostile_names_are_text_everywhere(visit, nasty):
    opened = visit(hostile(nasty))
    opened.draw_all()
    opened.open_all()
    assert opened.tab.locator("img, b, main script:not([type])").count() == 0
    assert nasty in opened.tab.locator("h1").inner_text()
    assert nasty in opened.column("scores", "candidate")
    assert nasty in opened.column("cases-1", "candidate")
    assert nasty in opened.column("load-1-table", "candidate")
    legend = opened.tab.locator("#throughput-1 .legendtext").all_text_contents()
    assert nasty in legend
    assert opened.problems == []


def test_a_hover_label_shows_a_hostile_name_as_text(visit):
    opened = visit(hostile(NASTY))
    opened.tab.locator("#throughput-1").scroll_into_view_if_needed()
    opened.tab.locator("#throughput-1 .main-svg").first.wait_for()
    opened.all(
        "Plotly.Fx.hover(document.querySelector('#throughput-1 .plot'),"
        " [{curveNumber: 0, pointNumber: 0}])"
    )
    label = opened.tab.locator("#throughput-1 .hoverlayer").text_content()
    assert NASTY in label
    assert opened.tab.locator("img").count() == 0
    assert opened.problems == []


# Many


def test_a_large_page_keeps_few_elements_and_draws_what_is_near(visit):
    opened = visit(large(), document="x" * 4_000_001)
    assert opened.all("document.querySelectorAll('*').length") < 30_000
    assert opened.tab.locator(".plot .main-svg").count() < 30
    choose(opened, "workload", "workload-7")
    wait_for_matches(opened, "cases with a verdict")
    assert opened.tab.locator("section.workload:not([hidden])").count() == 1
    assert opened.problems == []
