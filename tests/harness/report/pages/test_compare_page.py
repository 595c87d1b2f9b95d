"""The page as text: its parts, what is escaped, what it weighs."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from compared import CLOSING, NASTY, single, small
from compared_cells import estimate
from extremes import hostile
from plotly.offline import get_plotlyjs_version

from harness.plan import discover
from harness.report.compare.assemble import Question, assemble
from harness.report.compare.document import as_json
from harness.report.compare.terms import Terms
from harness.report.pages.page import MOST_DOCUMENT_BYTES, figure_data, page
from harness.report.pages.pictures import all_pictures
from harness.report.pages.pictures.lead import speed_and_cost
from harness.report.tables.html import embedded

REFERENCE = Path(__file__).parents[4] / "results"


class Reader(HTMLParser):
    """Tags, texts outside of scripts, and scripts by id or by place."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.scripts, self.data = [], [], [], {}
        self.script = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            is_data = dict(attributes).get("id", "plotly") != "plotly"
            self.script = dict(attributes)["id"] if is_data else ""

    def handle_endtag(self, tag):
        if tag == "script":
            self.script = None

    def handle_data(self, data):
        if self.script is None:
            self.texts.append(data)
        elif self.script:
            self.data[self.script] = data
        else:
            self.scripts.append(data)

    def elements(self):
        """Without the breaks that long names may have."""
        return [tag for tag, _ in self.tags if tag != "wbr"]

    def attributes(self):
        return {name for _, attributes in self.tags for name in attributes}

    def ids(self):
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def made(comparison):
    return page(comparison, as_json(comparison))


@pytest.fixture(scope="module")
def whole():
    return Reader(made(small()))


def test_the_parts_stand_in_the_order_in_which_a_buyer_asks(whole):
    parts = [
        *("lead", "ranking", "scores", "wins", "weights", "left-out"),
        *("money", "prices", "serving", "to-accuracy", "break-even", "total"),
        *("published-to-accuracy", "load-1"),
        *("cases", "filters", "workload-1", "cases-1", "throughput-1"),
        *("workload-2", "tta-1", "timeline-2", "workload-3", "gates", "failed"),
        *("other-work", "mismatches", "refused", "not-measured", "differences"),
        *("warnings", "reading"),
    ]
    places = [whole.ids().index(part) for part in parts]
    assert places == sorted(places)


def test_the_answer_comes_first_in_three_figures(whole):
    figures = [
        "Fastest xeon at 1.61 (95 % interval 1.55 to 1.68) times the speed of epyc",
        "Cheapest hour of audio within limits 0.000130 USD on xeon",
        "How sure 97.5 % that xeon is faster than every other candidate",
    ]
    places = [whole.text.index(text) for text in (*figures, "xeon ranks first")]
    assert places == sorted(places)
    assert places[-1] < whole.text.index("Ranking")


def test_a_single_machine_opens_with_the_best_of_its_models():
    reader = Reader(made(single()))
    assert "Cases measured 28" in reader.text
    assert (
        "Best compression within its gate 2.50 x int8-dynamic/onnxruntime/b1 over the "
        "fastest uncompressed case of asr-inference / ds2-small"
    ) in reader.text
    assert "Spoiled 0 of 28 cases" in reader.text
    assert "lead" in reader.ids()
    assert reader.ids().index("lead") < reader.ids().index("best")
    assert reader.ids().index("best") < reader.ids().index("cases")


def test_parts_fold_and_say_how_much_they_hold(whole):
    assert "Beyond their gate 8 cases" in whole.text
    assert "asr-inference 64 cases" in whole.text
    opened = [a for tag, a in whole.tags if tag == "details" and "open" in a]
    assert len(opened) == 2  # ranking and money


def test_ids_are_unique_and_every_link_has_its_target(whole):
    ids = whole.ids()
    assert len(set(ids)) == len(ids)
    links = [a["href"] for tag, a in whole.tags if tag == "a"]
    assert links
    assert all(link[1:] in ids for link in links)


def test_every_picture_has_its_figure_its_table_and_its_place(whole):
    pictures = [speed_and_cost(small()), *all_pictures(small())[0]]
    figures = [a["id"] for tag, a in whole.tags if tag == "figure"]
    assert sorted(figures) == sorted(picture.id for picture in pictures)
    for picture in pictures:
        assert json.loads(whole.data[f"{picture.id}-figure"])["data"]
        assert json.loads(whole.data[f"{picture.table.id}-data"])["columns"]


def test_nothing_is_fetched_and_only_our_scripts_may_run(whole):
    for tag, attributes in whole.tags:
        assert not {"src", "srcset", "action", "onerror", "onload"} & set(attributes)
        if tag == "link":
            assert attributes["href"] == "data:,"
    (policy,) = [
        a["content"] for _, a in whole.tags if "Policy" in a.get("http-equiv", "")
    ]
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in whole.scripts
    ]
    assert len(hashes) == 2
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert f"default-src 'none'; script-src {allowed};" in policy


def test_plotly_is_in_the_page_once():
    found = re.findall(r"\* plotly\.js \(basic - minified\) v([\d.]+)", made(small()))
    assert len(found) == 1


def test_what_draws_the_pages_is_what_checks_the_figures():
    """Tests check each property by Python's plotly, which knows one version of it."""
    (version,) = re.findall(r"\(basic - minified\) v([\d.]+)", made(small()))
    assert version == get_plotlyjs_version()


def test_a_page_of_the_profile_quick_weighs_2_mb_at_most():
    (path,) = REFERENCE.glob("*-quick.json")
    comparison = assemble(Question([str(path)], Terms(0.5, 4)), discover())
    assert len(page(comparison, as_json(comparison, MOST_DOCUMENT_BYTES))) < 2e6


def test_the_document_can_be_saved_and_is_the_very_json(whole):
    assert unpacked(whole.data["comparison-gzip"]) == json.loads(as_json(small()))


def unpacked(text):
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_a_document_that_is_too_long_is_left_out_and_the_page_says_so():
    long = json.dumps({"all": "x" * MOST_DOCUMENT_BYTES})
    for left_out in (long, ""):
        reader = Reader(page(single(), left_out))
        assert "comparison-gzip" not in reader.data
        assert "As JSON, all of this takes more than 4 MB: too long" in reader.text
    assert "comparison-gzip" in Reader(page(single(), long[:-20] + '"}')).data


def test_the_template_of_all_pictures_is_stated_once(whole):
    assert "colorway" in whole.data["look"]
    figures = [text for id, text in whole.data.items() if id.endswith("-figure")]
    assert not [text for text in figures if '"template"' in text or "bdata" in text]


def test_numbers_of_pictures_have_six_digits():
    picture = all_pictures(small())[0][0]
    x = figure_data(picture)["data"][0]["x"]
    assert x == [float(f"{value:.6g}") for value in picture.figure["data"][0]["x"]]


@pytest.mark.parametrize("nasty", [NASTY, CLOSING, "'\" onmouseover=alert(3) x='"])
def test_markup_in_names_is_text_everywhere(nasty):
    plain, found = Reader(made(hostile("plain"))), Reader(made(hostile(nasty)))
    assert found.elements() == plain.elements()
    assert found.attributes() == plain.attributes()
    assert len(found.scripts) == 2
    for id, text in found.data.items():
        assert unpacked(text) if id == "comparison-gzip" else json.loads(text)
    assert nasty.split()[0] in found.text


def test_half_a_character_becomes_a_question_mark():
    assert "half ? one" in made(single("half \ud800 one"))


def test_a_tag_cannot_begin_in_embedded_json():
    text = embedded({"a": "<!--<script>&\u2028"})
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text) == {"a": "<!--<script>&\u2028"}


def test_json_that_is_not_strict_is_refused():
    with pytest.raises(ValueError, match="Out of range float"):
        embedded([float("nan")])


def test_a_single_machine_has_no_ratios_no_ranking_and_its_fingerprint():
    reader = Reader(made(single()))
    assert {"ranking", "money", "refused", "gates"}.isdisjoint(reader.ids())
    assert "time ratio" not in reader.text
    assert "The machine's fingerprint" in reader.text
    assert "28 cases were measured on epyc" in reader.text
    assert "epyc, measured by speechmark" in reader.text


def test_filters_offer_what_there_is_to_choose_from(whole):
    selects = [a["name"] for tag, a in whole.tags if tag == "select"]
    assert selects == ["workload", "compression", "runtime", "candidate"]
    values = [a["value"] for tag, a in whole.tags if tag == "option"]
    assert "int8-dynamic" in values
    alone = Reader(made(single()))
    assert "candidate" not in [a["name"] for tag, a in alone.tags if tag == "select"]


def test_long_tables_have_their_first_rows_in_the_page_and_all_in_the_data(whole):
    columns = json.loads(whole.data["cases-1-data"])["columns"]
    assert len(columns[0]["codes"]) == 64  # 24 works on 3, without 8 beyond their gate
    html = made(small())
    start = html.index('<div class="table" id="cases-1"')
    body = html[start : html.index("</table>", start)]
    assert body.count("<tr>") == 51


def test_no_verdict_still_makes_a_page():
    nothing = replace(small(), rows=(), ranking=None, money=None, mismatches=())
    reader = Reader(made(nothing))
    assert "There is no verdict" in reader.text
    assert "No case has a verdict." in reader.text


def test_a_workload_of_failures_alone_has_its_section_and_no_table():
    comparison = single()
    row = comparison.rows[0]
    cell = replace(row.cells["epyc"], gate_passed=False)
    reader = Reader(
        made(replace(comparison, rows=(replace(row, cells={"epyc": cell}),)))
    )
    assert "gates" in reader.ids()
    assert "cases-1" not in reader.ids()


def test_a_figure_that_differs_changes_what_is_shown():
    comparison = single()
    row = comparison.rows[-2]
    cell = replace(row.cells["epyc"], rtfx=estimate(1234.0))
    changed = replace(comparison, rows=(replace(row, cells={"epyc": cell}),))
    assert "1,234" in Reader(made(changed)).text
