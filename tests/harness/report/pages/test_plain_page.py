"""A page that needs no script."""

from plotly.graph_objects import Figure

from harness.report.pages.plain import page
from harness.report.tables.table import Table, text_column

TABLE = Table("toys", "Toys", (text_column("name", ["a & b"]),))


def test_a_page_says_its_kind_and_escapes_title_and_heading():
    text = page("a < b", "some kind", [])
    assert "<title>a &lt; b</title>" in text
    assert "<h1>a &lt; b</h1>" in text
    assert "<h1>c &amp; d</h1>" in page("a", "some kind", [], heading="c & d")
    assert '<meta name="generator" content="some kind">' in text


def test_lines_are_escaped_and_stay_lines():
    assert "<pre>a\n&lt;b&gt;</pre>" in page("", "", ["a\n<b>"])


def test_parts_stand_in_their_order_and_tables_of_one_id_stay_two():
    text = page("", "", [TABLE, Figure, TABLE, "end"])
    assert text.count("a &amp; b") == 2
    places = ['id="toys-0"', "Plotly.newPlot", 'id="toys-2"', "<pre>end</pre>"]
    assert sorted(places, key=text.rindex) == places
