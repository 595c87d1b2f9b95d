"""The report on layers that were quantized alone: verdict, table, picture, page."""

import io
import json
import re
from dataclasses import replace

import pytest
from plotly.graph_objects import Bar
from rich.console import Console

from benchmarks.studies.sensitivity.page import figure, report
from benchmarks.studies.sensitivity.report import (
    Setting,
    numbers,
    progress,
    table,
    verdict,
)
from harness.report.pages import plain
from harness.report.tables.terminal import as_text, print_table
from workloads.compression.graph import Layer
from workloads.compression.sensitivity import Cost, LayerCost, Sensitivity
from workloads.metrics.bootstrap import Difference
from workloads.metrics.error_rates import ErrorRate

SETTING = Setting(
    "tiny", "int8-dynamic", "noise", "errors a frame", "log-probabilities", "nats"
)


def analysis(differences, n=100, together=(0.5, 0.4, 0.6), changes=None):
    """An analysis with these differences (value, low, high)."""

    def cost(difference, change):
        errors = ErrorRate("frames", (1,) * n, (1,) * n)
        return Cost(errors, Difference(*difference), change, 1_000_000)

    changes = changes or [0.1] * len(differences)
    layers = tuple(
        LayerCost(i, Layer(f"n{i}", "Conv", (2, 3)), 50.0, cost(difference, change))
        for i, (difference, change) in enumerate(
            zip(differences, changes, strict=True), 1
        )
    )
    baseline = ErrorRate("frames", (1,) * n, (1,) * n)
    return Sensitivity(baseline, 2_000_000, layers, cost(together, 0.3))


CLEAR, UNCLEAR, NONE = (0.21, 0.1, 0.33), (0.02, -0.01, 0.05), (0.0, 0.0, 0.0)


def test_the_verdict_names_the_layer_to_keep():
    assert verdict(analysis([CLEAR, UNCLEAR]), SETTING) == (
        "keep conv 1 in float first: it costs +0.21 errors a frame [0.10, 0.33]; "
        "no other layer's interval lies above 0"
    )


def test_the_verdict_names_the_next_layers_in_their_order():
    found = analysis([(0.1, 0.05, 0.2), UNCLEAR, CLEAR])
    assert verdict(found, SETTING).endswith("; then conv 1 +0.10 [0.05, 0.20]")


def test_where_no_interval_lies_above_0_the_verdict_says_so():
    assert verdict(analysis([UNCLEAR, NONE]), SETTING) == (
        "no layer's interval lies above 0 over 100 utterances; conv 1 costs most, "
        "+0.02 [-0.01, 0.05] errors a frame"
    )


def test_where_nothing_changes_the_verdict_names_the_largest_change_of_outputs():
    found = analysis([NONE, NONE], changes=[0.1, 0.2])
    assert verdict(found, SETTING).endswith(
        "none costs anything here; conv 2 changes the output most, by 0.2 on average"
    )
    assert [layer.number for layer, _ in found.ranked()] == [2, 1]


def test_a_gain_is_no_cost():
    found = analysis([(-0.2, -0.3, -0.1), NONE])
    assert "no layer's interval lies above 0" in verdict(found, SETTING)
    assert not found.layers[0].cost.shows


def test_a_larger_cost_that_may_be_chance_is_told_too():
    found = verdict(analysis([CLEAR, (0.5, -0.1, 1.2)]), SETTING)
    assert found.startswith("keep conv 1 in float first")
    assert "conv 2 costs +0.50 [-0.10, 1.20]" in found
    assert found.endswith("which may be chance")


def test_a_layer_that_costs_more_than_all_together_may_be_chance():
    found = verdict(analysis([CLEAR, NONE], together=(0.0, -0.1, 0.1)), SETTING)
    assert found.endswith(
        "but all layers together cost 0.00 [-0.10, 0.10], so even this may be chance"
    )


@pytest.mark.parametrize(("n", "expected"), [(19, "too few"), (20, "keep conv 1")])
def test_few_utterances_give_no_verdict(n, expected):
    assert expected in verdict(analysis([CLEAR, NONE], n=n), SETTING)


def test_the_table_is_ranked_and_ends_with_the_references():
    lines = as_text(table(analysis([UNCLEAR, CLEAR]), SETTING)).splitlines()
    assert "tiny, int8-dynamic" in lines[0]
    assert "100 utterances of noise" in lines[0]
    rows = [re.match(r" (conv \d|all layers|none: fp32) ", line) for line in lines]
    names = [row[1] for row in rows if row]
    assert names == ["conv 2", "conv 1", "all layers", "none: fp32"]
    assert "+0.21 [0.10, 0.33]" in lines[2]
    assert "of 2 layers that cost nothing" in lines[-1]
    assert "in up to 5 % of such analyses" in lines[-1]


def test_a_layer_that_stays_in_float_is_shown_as_such():
    found = analysis([CLEAR, UNCLEAR])
    layer = LayerCost(3, Layer("n3", "ConvTranspose", (2, 3)), 10.0, None)
    found = replace(found, layers=(*found.layers, layer))
    assert progress(layer, 3, SETTING) == (
        "convtranspose 3 of 3: int8-dynamic leaves it in float"
    )
    text = as_text(table(found, SETTING))
    assert re.search(r"convtranspose 3 +10\.0 +in float", text)
    assert "stays in float" in page(found)


def test_at_80_columns_every_layer_keeps_its_name_and_its_cost():
    console = Console(
        file=io.StringIO(),
        width=80,
        height=50,
        color_system=None,
        force_terminal=True,
    )
    print_table(table(analysis([UNCLEAR, CLEAR]), SETTING), console)
    lines = console.file.getvalue().splitlines()
    assert [line[1:7] for line in lines[2:4]] == ["conv 2", "conv 1"]
    assert all("[" in line for line in lines[2:4])
    assert max(map(len, lines[1:6])) <= 80
    assert any(line.startswith("no room for ") for line in lines)


def test_the_numbers_survive_json():
    found = analysis([CLEAR, UNCLEAR])
    text = json.dumps(numbers(found, SETTING))
    read = json.loads(text)
    assert read["ranked"] == ["conv 1", "conv 2"]
    alone = read["layers"][0]["quantized_alone"]
    assert alone["difference_interval_95"] == [0.1, 0.33]
    assert alone["interval_above_0"]
    assert len(alone["errors"]) == read["utterances"] == 100
    assert read["all_layers"]["difference"] == 0.5


def bars(shown, axis):
    """Lengths of the bars of a panel by their row."""
    return {
        row: (length, trace.marker.color)
        for trace in shown.data
        if isinstance(trace, Bar) and trace.xaxis == axis
        for row, length in zip(trace.y, trace.x, strict=True)
    }


def test_the_picture_has_a_bar_with_its_interval_for_each_layer_and_for_all():
    shown = figure(analysis([UNCLEAR, CLEAR], changes=[0.1, 0.4]), SETTING)
    left, right = bars(shown, "x"), bars(shown, "x2")
    rows = ["conv 1 (2x3, 50.0 %)", "conv 2 (2x3, 50.0 %)", "<b>all layers</b>"]
    assert list(shown.layout.yaxis.categoryarray) == rows
    assert [left[row][0] for row in rows] == [0.02, 0.21, 0.5]
    assert [right[row][0] for row in rows] == [0.1, 0.4, 0.3]
    assert len({colour for _, colour in left.values()}) == 3
    clear = next(trace for trace in shown.data if rows[1] in trace.y)
    assert clear.error_x.array == pytest.approx([0.12])
    assert clear.error_x.arrayminus == pytest.approx([0.11])
    assert "errors a frame" in shown.layout.xaxis.title.text
    assert "(nats)" in shown.layout.xaxis2.title.text


def page(found, setting=SETTING):
    """Of the command, without what says where it comes from."""
    made = report(found, setting, {})
    return plain.page(made.title, "", made.parts, made.heading)


def test_the_page_needs_no_network_and_holds_no_raw_names():
    text = page(analysis([CLEAR]), replace(SETTING, data="<b>&"))
    assert "<h1>Keep conv 1 in float first" in text
    assert "utterances of &lt;b&gt;&amp;)</title>" in text
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text[:3000])
    assert "Plotly.newPlot" in text
    assert '"showSendToCloud": false' in text.split("Plotly.newPlot")[-1]
    assert len(text) > 1_000_000  # plotly itself
