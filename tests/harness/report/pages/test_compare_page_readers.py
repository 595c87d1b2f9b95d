"""Pages in a real browser: that everybody can read them, on paper and on a phone, that
names out of files stay text, and how a large one keeps small."""

from __future__ import annotations

import functools

import pytest
from browsing import PHONE, WIDE, choose, small_page, wait_for_matches
from compared import CLOSING, NASTY, single, small
from extremes import hostile, large

from harness.report.pages.page import MOST_DOCUMENT_BYTES, page
from harness.report.pages.pictures import all_pictures

# Everyone can read it


@pytest.fixture(scope="module")
def on_phone(visit):
    """The small page on a phone, drawn and opened."""
    found = visit(small(), PHONE, small_page())
    found.draw_all()
    found.open_all()
    return found


@pytest.fixture(scope="module")
def single_page(visit):
    """That of a single machine, drawn and opened."""
    found = visit(single())
    found.draw_all()
    found.open_all()
    return found


@pytest.fixture(scope="module")
def hostile_page(visit):
    """A page of a hostile name, drawn and opened."""

    @functools.cache
    def opened(nasty):
        found = visit(hostile(nasty))
        found.draw_all()
        found.open_all()
        return found

    return opened


@pytest.mark.parametrize(
    "page", ["drawn", pytest.param("on_phone", marks=pytest.mark.slow), "single_page"]
)
def test_axe_finds_nothing_serious(request, page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    opened = request.getfixturevalue(page)
    opened.all("scrollTo(0, 0)")
    # Passes and what is not decided take axe most of its time to write down.
    found = axe.Axe().run(opened.tab, options={"resultTypes": ["violations"]})
    found = found.response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    stated = [(one["id"], one["nodes"][0]["html"][:200]) for one in serious]
    assert stated == []


@pytest.mark.parametrize("made", [None, single, lambda: hostile("n" * 200)])
def test_a_phone_scrolls_in_one_direction(visit, on_phone, made):
    opened = on_phone
    if made is not None:
        opened = visit(made(), PHONE)
        opened.draw_all()
        opened.open_all()
    width = opened.all("document.documentElement.scrollWidth")
    assert width <= PHONE[0]
    plots = opened.all(
        "[...document.querySelectorAll('.plot .main-svg')].map(s => s.clientWidth)"
    )
    assert max(plots) <= PHONE[0]


def test_paper_has_everything_opened_drawn_and_no_controls(fresh):
    fresh.tab.emulate_media(media="print")
    fresh.all("dispatchEvent(new Event('beforeprint'))")
    pictures, _ = all_pictures(small())
    assert fresh.tab.locator("figure.picture .plot .main-svg").count() >= len(pictures)
    assert fresh.tab.locator("details:not([open])").count() == 0
    assert fresh.tab.locator("#cases-1 tbody tr").count() == 64
    assert fresh.tab.locator("#throughput-1-table tbody tr").count() == 20
    for control in ("#filters", "nav", "#cases-1 .tools", "#save-document"):
        assert fresh.tab.locator(control).is_hidden(), control
    sizes = fresh.all(
        "[...document.querySelectorAll('.plot')]"
        ".map(p => [p._fullLayout.width, p._fullLayout.height])"
    )
    assert {width for width, _ in sizes} == {1010}
    assert max(height for _, height in sizes) == 620
    fresh.all("dispatchEvent(new Event('afterprint'))")
    fresh.tab.emulate_media(media="screen")
    assert fresh.tab.locator("details[open]").count() == 2
    tall = fresh.all("document.querySelector('#throughput-1 .plot')._fullLayout.height")
    (shown,) = [one for one in all_pictures(small())[0] if one.id == "throughput-1"]
    assert tall == shown.figure["layout"]["height"]
    assert fresh.tab.locator("#cases-1 tbody tr").count() == 50


# What meets the eye


@pytest.mark.parametrize("made", [small, single])
def test_the_first_picture_stands_on_the_first_screen(visit, made):
    opened = visit(made(), WIDE)
    opened.tab.locator("#lead .main-svg").first.wait_for()
    top = opened.all(
        "document.querySelector('#lead .plot').getBoundingClientRect().top"
    )
    assert top < 700


@pytest.mark.parametrize("made", [small, single])
def test_a_page_with_its_parts_folded_is_short(visit, made):
    opened = visit(made(), WIDE)
    assert opened.all("document.documentElement.scrollHeight") <= 9_000


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_dark_page_is_dark_and_so_are_its_pictures(visit, size):
    opened = visit(small(), size)
    opened.tab.locator("#lead .main-svg").first.wait_for()
    paper = "getComputedStyle(document.body).backgroundColor"
    picture = "document.querySelector('#lead .plot')._fullLayout.paper_bgcolor"

    def wait_for(page_colour, picture_colour):
        opened.wait_for(f"{paper} === '{page_colour}'")
        opened.wait_for(f"{picture} === '{picture_colour}'")

    wait_for("rgb(255, 255, 255)", "#ffffff")
    opened.tab.emulate_media(color_scheme="dark")
    wait_for("rgb(13, 17, 23)", "#0d1117")
    opened.tab.emulate_media(media="print")
    opened.all("dispatchEvent(new Event('beforeprint'))")
    wait_for("rgb(255, 255, 255)", "#ffffff")
    assert opened.problems == []


def test_no_ink_is_hard_to_read_on_a_dark_page(visit):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    opened = visit(small())
    opened.tab.emulate_media(color_scheme="dark")
    opened.open_all()
    only = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
    found = axe.Axe().run(opened.tab, options=only).response["violations"]
    assert [one["nodes"][0]["html"][:200] for one in found] == []


def test_a_table_that_scrolls_sideways_says_so(on_phone):
    hint = on_phone.tab.locator("#scores .sideways")
    assert hint.inner_text().startswith("Scroll sideways: ")
    on_phone.all("document.querySelector('#scores .scroll').scrollLeft = 10_000")
    on_phone.tab.locator("#scores .sideways", has_text="Scroll back").wait_for()


def test_a_table_that_fits_says_nothing(fresh):
    assert fresh.tab.locator("#scores .sideways").is_hidden()


def test_the_page_becomes_a_pdf(fresh):
    pdf = fresh.tab.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert fresh.problems == []


# Names of other people's files


@pytest.mark.parametrize("nasty", [NASTY, CLOSING, "<b>%{x}</b> &lt;b&gt;"])
def test_hostile_names_are_text_everywhere(hostile_page, nasty):
    opened = hostile_page(nasty)
    assert opened.tab.locator("img, b, main script:not([type])").count() == 0
    assert nasty in opened.tab.locator("h1").inner_text()
    assert nasty in opened.column("scores", "candidate")
    assert nasty in opened.column("cases-1", "candidate")
    assert nasty in opened.column("load-1-table", "candidate")
    legend = opened.tab.locator("#throughput-1 .legendtext").all_text_contents()
    assert nasty in legend
    assert opened.problems == []


def test_a_hover_label_shows_a_hostile_name_as_text(hostile_page):
    opened = hostile_page(NASTY)
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


@pytest.fixture(scope="module")
def large_page():
    comparison = large()
    assert len(comparison.rows) * len(comparison.candidates) == 10_000
    return page(comparison, "x" * (MOST_DOCUMENT_BYTES + 1))


def test_five_candidates_of_two_thousand_works_weigh_under_15_mb(large_page):
    assert len(large_page.encode()) < 15_000_000


def test_a_large_page_keeps_few_elements_and_draws_what_is_near(visit, large_page):
    opened = visit(None, text=large_page)
    assert opened.all("document.querySelectorAll('*').length") < 30_000
    assert opened.tab.locator(".plot .main-svg").count() < 30
    choose(opened, "workload", "workload-7")
    wait_for_matches(opened, "cases with a verdict")
    assert opened.tab.locator("section.workload:not([hidden])").count() == 1
    assert opened.problems == []
