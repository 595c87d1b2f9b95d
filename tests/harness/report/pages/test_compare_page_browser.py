"""The small page in a real browser: what is drawn, sorted, filtered and saved, and that
nothing leaves it."""

from __future__ import annotations

import csv
import io
import json

import pytest
from browsing import choose, save, wait_for_matches
from compared import FORMULA, small

from harness.report.compare.document import as_json
from harness.report.pages.pictures import all_pictures
from harness.report.pages.pictures.lead import speed_and_cost


def figure(text: str) -> float:
    return float(text.replace(",", ""))


def agree(shown: str, value: float) -> bool:
    """Whether a text shows the value, to its own last digit or to three."""
    decimals = len(shown.partition(".")[2])
    return abs(figure(shown) - value) <= max(0.5001 * 10**-decimals, 0.005 * abs(value))


# Pictures


def test_every_picture_is_drawn_without_a_complaint(opened):
    drawn = opened.all(
        "Object.fromEntries([...document.querySelectorAll('figure.picture')].map("
        "one => [one.id, one.querySelector('.plot')._fullData.length]))"
    )
    pictures = [speed_and_cost(small()), *all_pictures(small())[0]]
    assert drawn == {one.id: len(one.figure["data"]) for one in pictures}
    assert opened.problems == []


def test_nothing_is_asked_of_any_network(opened):
    asked = [url for url in opened.requests if not url.startswith(("data:", "blob:"))]
    assert asked == [opened.address]


def test_no_picture_offers_to_send_its_data_to_anyone(opened):
    offered = opened.all(
        "[...document.querySelectorAll('#load-1 .modebar-btn')]"
        ".map(one => one.getAttribute('data-title'))"
    )
    assert offered == ["Zoom", "Pan", "Reset axes", "Download plot as a PNG"]


def test_pictures_of_folded_parts_wait_until_these_are_opened(fresh):
    fresh.tab.locator("#lead .main-svg").first.wait_for()
    assert fresh.tab.locator("#tta-1 .main-svg").count() == 0
    fresh.tab.locator("#workload-2 > details > summary").click()
    fresh.tab.locator("#tta-1").scroll_into_view_if_needed()
    fresh.tab.locator("#tta-1 .main-svg").first.wait_for()
    assert fresh.tab.locator("#timeline-2").is_hidden()


def test_a_link_opens_the_part_that_it_leads_to(fresh):
    warnings = fresh.tab.locator("#warnings")
    assert warnings.is_hidden()
    fresh.tab.locator("nav").get_by_text("Warnings").click()
    warnings.wait_for()


def test_a_filter_opens_the_workloads_that_it_leaves(fresh):
    assert fresh.tab.locator("#cases-2").is_hidden()
    choose(fresh, "workload", "asr-training")
    fresh.tab.locator("#cases-2").wait_for()


def test_what_is_drawn_is_what_the_json_holds(opened):
    document = json.loads(as_json(small()))
    traces = opened.all("document.querySelector('#throughput-1 .plot').data")
    (xeon,) = [trace for trace in traces if trace.get("name") == "xeon"]
    by_work = dict(zip(xeon["hovertext"], xeon["x"], strict=True))
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
    count = opened.tab.locator("#match-count")
    count.filter(has_text="of", has_not_text="72 of 72").wait_for()
    text = save(opened, opened.tab.locator("#cases-1").get_by_text("Download CSV"))
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert {row["compression"] for row in rows} == {"bf16"}


def test_every_picture_has_its_numbers_as_a_table(opened):
    for picture in all_pictures(small())[0]:
        rows = opened.tab.locator(f"#{picture.table.id} tbody tr").count()
        assert rows == min(len(picture.table), 50)


def test_every_kind_of_picture_is_saved_as_csv(opened):
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
