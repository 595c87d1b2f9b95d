"""The rules on made-up scores, the report, and the page."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.studies.findings.page import report
from benchmarks.studies.findings.report import (
    WIDTH,
    Checked,
    numbers,
    print_report,
    table,
)
from benchmarks.studies.findings.rules import (
    CLAIMS,
    LIMITS,
    PRUNED,
    STRATEGIES,
    Claim,
    Scored,
    findings,
    how_alike,
    outcome_of,
    verdict_of,
)
from benchmarks.studies.findings.scores import chains_of, in_float, round_to_half
from harness.report.pages import plain
from workloads.compressed import compress
from workloads.compression.factorization.factorize import factorize
from workloads.compression.known import parse
from workloads.compression.quantization import Quantized, SkippedLayer
from workloads.metrics.bootstrap import Difference
from workloads.metrics.separation import Measure
from workloads.separation.sizes import ConvTasNetSize, Framing
from workloads.separation.task import SEPARATION

N = 20
TINY = ConvTasNetSize(
    "tiny", Framing(12, 8, 4), 6, 10, 8, blocks=2, repeats=1, sample_rate_hz=8_000
)
SVD = {"mask": ((3, 8, 1), (12, 3, 1))}  # a matrix became two layers


def measure(*values):
    """Of N mixtures that repeat the values."""
    return Measure("si_sdr_improvement", (values * N)[:N])


def as_published():
    """Scores in which every finding shows, alike in all mixtures."""
    falls = {10: 0.5, 20: 1, 30: 2, 50: 4, 70: 5, 90: 6}
    cost = {"random": 1.5, "l1": 0, "l2": 0.2, "gradient": 0.3}
    db = {"fp32": 10, "fp16": 10, "int8-dynamic": 9.75, "int8-static": 9.9}
    for strategy in STRATEGIES:
        criterion, kind = strategy.split("-")
        for percent, fall in falls.items():
            lost = fall + cost[criterion] + (kind == "structured")
            db[f"prune-{strategy}-{percent}"] = 10 - lost
    for percent in (10, 20, 30):
        db |= {f"tucker-{percent}": 9.5, f"cp-{percent}": 5}
    return {name: Scored(measure(value)) for name, value in db.items()}


def changed(**db):
    """The same, but for some; `_` stands for `-`."""
    given = {name.replace("_", "-"): Scored(measure(*v)) for name, v in db.items()}
    return as_published() | given


def verdicts(scores):
    return [one.verdict for one in findings(scores)]


def outcomes(scores, finding, part=0):
    return [p.outcome for p in findings(scores)[finding - 1].parts[part].pairs]


def test_all_is_found_where_the_scores_are_as_published():
    assert verdicts(as_published()) == ["found"] * 5
    pairs = [len(part.pairs) for f in findings(as_published()) for part in f.parts]
    assert pairs == [6, 6, 9, 2, 3, 6]


def test_nothing_is_found_where_all_compressions_are_alike():
    scores = {name: Scored(measure(8.0)) for name in as_published()}
    assert verdicts(scores) == [
        "partly",
        "not found",
        "found",
        "not found",
        "not found",
    ]
    # Gradient-change holds up as well as L1 does, but is no worse at first.
    first = findings(scores)[0]
    assert [part.verdict for part in first.parts] == ["not found", "found"]


def test_without_scores_nothing_is_decided():
    assert verdicts({}) == ["not decided"] * 5
    assert set(outcomes({}, 3)) == {"not scored"}


def test_gradient_change_that_breaks_down_does_not_hold_up():
    worse = {
        f"prune-gradient-{kind}-{percent}": Scored(measure(-9.0))
        for kind in ("structured", "unstructured")
        for percent in (50, 70, 90)
    }
    first = findings(as_published() | worse)[0]
    assert [part.verdict for part in first.parts] == ["found", "not found"]
    assert first.verdict == "partly"


def test_the_rule_of_a_pair_is_about_its_whole_interval():
    claim = Claim("", (), 0.1, 1.0)
    assert outcome_of(claim, Difference(0.5, 0.11, 0.99)) == "shown"
    assert outcome_of(claim, Difference(0.5, 0.1, 0.99)) == "open"
    assert outcome_of(claim, Difference(0.5, 0.11, 1.0)) == "open"
    assert outcome_of(claim, Difference(0.05, -0.2, 0.1)) == "refuted"
    assert outcome_of(claim, Difference(1.2, 1.0, 1.4)) == "refuted"
    assert outcome_of(claim, Difference(0.6, 0.0, 1.2)) == "open"


def test_an_interval_that_is_too_wide_leaves_a_pair_open():
    scores = changed(int8_dynamic=(7.0, 13.0))
    assert outcomes(scores, 3) == ["open", "shown"]
    assert verdicts(scores)[2] == "not decided"


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (["shown"] * 3 + ["refuted"], "found"),
        (["shown"] * 2 + ["refuted"] * 2, "partly"),
        (["shown"] + ["refuted"] * 3, "not found"),
        (["shown"] * 3 + ["open"], "found"),
        (["shown"] * 2 + ["open", "refuted"], "not decided"),
        (["shown"] * 3 + ["refuted"] * 2 + ["open"], "partly"),
        (["refuted"] * 3 + ["open"], "not found"),
        (["refuted"] * 2 + ["open"] * 2, "not decided"),
        (["shown", "both broken", "both broken", "not scored"], "found"),
        (["both broken"] * 3, "not decided"),
        ([], "not decided"),
    ],
)
def test_the_pairs_that_say_something_decide(outcomes, verdict):
    assert verdict_of(outcomes) == verdict


@pytest.mark.parametrize(
    ("finding", "part", "low_db", "high_db"),
    [
        (1, 0, 0.1, None),
        (1, 1, -0.5, None),
        (2, 0, 0.1, None),
        (3, 0, -0.5, 0.5),
        (4, 0, 1.0, None),
        (5, 0, 0.1, 1.0),
    ],
)
def test_every_threshold_decides(finding, part, low_db, high_db):
    claim = [*CLAIMS.values()][finding - 1][part]

    def judged(difference):
        """Where the first of each pair lies so much above the second."""
        scores = as_published()
        for first, second in claim.pairs:
            scores |= {first: Scored(measure(8 + difference))}
            scores |= {second: Scored(measure(8.0))}
        return set(outcomes(scores, finding, part))

    assert judged(low_db + 0.01) == {"shown"}
    assert judged(low_db - 0.01) == {"refuted"}
    if high_db is None:
        assert judged(1000.0) == {"shown"}
    else:
        assert judged(high_db - 0.01) == {"shown"}
        assert judged(high_db + 0.01) == {"refuted"}


def test_fewer_mixtures_than_the_bootstrap_needs_decide_nothing():
    assert LIMITS.mixtures == N
    scores = as_published()
    few = Measure("si_sdr_improvement", scores["fp32"].improvement.values[1:])
    assert verdicts(scores | {"fp32": Scored(few)}) == ["not decided"] * 5


def test_of_two_that_no_longer_separate_neither_is_better():
    scores = changed(tucker_10=(0.9,), cp_10=(-30.0,))
    assert outcomes(scores, 4) == ["both broken", "shown", "shown"]
    scores = changed(tucker_10=(1.0,), cp_10=(-30.0,))
    assert outcomes(scores, 4) == ["shown"] * 3


def factorized(db_cp, db_tucker, cp=SVD, tucker=SVD):
    return {
        f"{method}-{percent}": Scored(measure(db), chains)
        for method, db, chains in (("cp", db_cp, cp), ("tucker", db_tucker, tucker))
        for percent in (10, 20)
    }


def test_why_cp_and_tucker_are_equal_is_read_off_the_models():
    assert how_alike(factorized(5.0, 5.0)) == (
        "equal, because both make the same layers of the same ranks, of kernels that "
        "are matrices, by truncated SVD: 1 of 1 at 10 %, 1 of 1 at 20 %"
    )
    assert how_alike(factorized(5.0, 5.1)).startswith(
        "they differ by fine-tuning alone: both make the same layers"
    )
    assert how_alike(factorized(5.0, 5.0, {}, {})) == (
        "equal, because neither has a layer to gain by"
    )
    core = {**SVD, "kernel": ((2, 8, 1), (2, 2, 3), (8, 2, 1))}
    depthwise = {**SVD, "kernel": ((2, 8, 1), (2, 1, 3), (8, 2, 1))}
    assert how_alike(factorized(5.0, 5.0, depthwise, core)) == (
        "they make different layers in place of 1 of 2 at 10 %, in place of 1 of 2 at "
        "20 %"
    )
    assert how_alike({}) == ""


def test_a_separator_has_matrices_alone_for_cp_and_tucker():
    model = SEPARATION.model(TINY)
    cp, tucker = (
        chains_of(compress(SEPARATION, model, parse(name)))
        for name in ("cp-30", "tucker-30")
    )
    assert cp == tucker
    assert set(cp) == {one.names[0] for one in factorize(model, "cp", 30).changed}
    assert all(len(shapes) == 2 for shapes in cp.values())


def printed(checked, width=WIDTH, is_terminal=False):
    console = Console(
        file=io.StringIO(),
        width=width,
        height=50,
        color_system=None,
        force_terminal=is_terminal,
    )
    print_report(checked, console)
    return console.file.getvalue()


def page(checked):
    """Of the command, without what says where it comes from."""
    made = report(checked, {})
    return plain.page(made.title, "", made.parts)


def checked(scores=None, **left_out):
    return Checked("tiny <&> co", "noise", scores or as_published(), left_out)


def test_the_report_tells_verdicts_numbers_and_rules():
    lines = printed([checked()]).splitlines()
    assert lines[0].startswith(
        "tiny <&> co: fp32 improves SI-SDR by +10.00 [10.00, 10.00] dB over 20 mixtures"
    )
    row = next(line for line in lines if "prune-l1-unstructured-10 " in line)
    assert row.split() == [
        *("1a", "prune-l1-unstructured-10", "prune-gradient-unstructured-10"),
        *("+9.50", "+9.20", "+0.30", "[0.30,", "0.30]", "shown"),
    ]
    place = lines.index("4. CP is far worse than Tucker")
    assert lines[place + 1 : place + 4] == [
        "   tiny <&> co: found",
        "      Tucker lies far above CP: 3 shown of 3 pairs, +4.50 to +4.50 dB",
        "      equal, because neither has a layer to gain by",
    ]
    assert "  Tucker lies far above CP: above 1 dB" in lines
    assert "  int8 is where fp16 is: between -0.5 and 0.5 dB" in lines


def test_the_parts_of_a_finding_have_their_own_verdicts():
    assert (
        "L1 lies above gradient-change at 10-30 %, found: 6 shown of 6 pairs"
    ) in printed([checked()])


def test_the_rules_in_the_report_have_the_thresholds():
    text = printed([checked()])
    rules = text[text.index("rules:") :]
    for rule in (
        "L1 lies above gradient-change at 10-30 %: above 0.1 dB",
        "int8 is where fp16 is: between -0.5 and 0.5 dB",
        "Tucker lies far above CP: above 1 dB",
        "improve by less than 1 dB",
        "found: 75 % of the pairs show it; not found: 75 % refute it",
        "fewer than 20 mixtures",
        "0.1 dB is the last decimal that papers give; 0.5 dB is 5 %",
        "1 dB is far",
    ):
        assert rule in rules
    assert text.endswith("gradients and calibration are of other mixtures than these\n")


def test_what_was_left_out_and_how_others_were_computed_is_printed():
    scores = as_published()
    del scores["cp-10"]
    scores["fp16"] = replace(scores["fp16"], note="in fp32", silent_estimates=3)
    text = printed([checked(scores, **{"cp-10": "its weights are missing"})])
    assert "cp-10 is left out: its weights are missing" in text
    assert "\nfp16: in fp32\n" in text
    assert (
        "fp16: 3 estimates are silent, which counts as the lowest SI-SDR that there is"
    ) in text
    assert "2 shown, 1 not scored of 3 pairs" in text


def test_too_few_mixtures_and_a_bad_baseline_are_printed():
    few = {
        name: Scored(Measure("si_sdr_improvement", one.improvement.values[1:]))
        for name, one in as_published().items()
    }
    assert "19 mixtures are too few, take 20 or more" in printed([checked(few)])
    text = printed([checked(changed(fp32=(0.5,)))])
    assert "fp32 itself does not separate" in text


def test_the_numbers_hold_every_mixture():
    found = numbers([checked(cp="a reason")])
    model = found["models"]["tiny <&> co"]
    assert model["compressions"]["tucker-20"]["each_mixture_db"] == [9.5] * N
    assert [one["verdict"] for one in model["findings"]] == ["found"] * 5
    assert model["left_out"] == {"cp": "a reason"}
    pair = model["findings"][3]["claims"][0]["pairs"][0]
    assert pair["difference"] == {"value": 4.5, "low": 4.5, "high": 4.5}
    assert found["thresholds"]["far_db"] == 1.0


def test_the_page_shows_every_strategy_and_point_of_each_model():
    text = page([checked(), replace(checked(), model="second")])
    for strategy in STRATEGIES:
        assert f'"name":"{strategy}"' in text
    for name in (*PRUNED, "int8-static", "cp-10", "tucker-30"):
        assert f'"{name}\\u003cbr\\u003e+' in text
    assert "4. CP is far worse than Tucker" in text
    assert "tiny &lt;&amp;&gt; co" in text
    assert "tiny <&>" not in text
    assert text.count('<td class="short">found</td>') == 10


def test_a_page_of_what_was_scored_leaves_out_the_rest():
    some = {name: as_published()[name] for name in ("fp32", "prune-l1-structured-10")}
    text = page([checked(some)])
    assert "prune-l1-structured-10\\u003cbr" in text
    assert "prune-l1-structured-20\\u003cbr" not in text


def test_points_far_below_are_counted_where_they_are_not_shown():
    assert "below: double-click" not in page([checked()])
    assert "(1 below: double-click)" in page([checked(changed(cp_10=(-30.0,)))])


def test_rounding_to_half_counts_what_it_changes():
    model = SEPARATION.model(TINY)
    _, total = round_to_half(model)
    assert total == sum(p.numel() for p in model.parameters())
    assert round_to_half(model) == (0, total)
    model.decoder.bias.data[0] = 1 + 2**-12
    assert round_to_half(model) == (1, total)
    assert model.decoder.bias.item() == 1


def test_layers_that_stay_in_float_are_printed():
    left = (SkippedLayer("lstm", "LSTM", "there is none"),)
    said = in_float(Quantized((), 9, 1, left))
    assert said == "1 of 9 layers stayed in float (lstm: there is none)"
    assert in_float(Quantized((), 9, 0)) == ""


def test_at_80_columns_every_pair_keeps_both_names():
    lines = printed([checked()], width=80, is_terminal=True).splitlines()
    grid = [line for line in lines if re.match(" [1-5][ab]? ", line)]
    assert len(grid) == 32
    names = {name for line in grid for name in line.split()[1:3]}
    assert {"prune-l1-structured-10", "prune-gradient-unstructured-90"} <= names
    (note,) = [line for line in lines if line.startswith("no room for ")]
    assert "--csv" in note
    assert max(map(len, grid)) <= 80


def test_the_table_for_programs_names_model_finding_and_outcome():
    found = table(checked())
    hidden = {c.title: c.texts[0] for c in found.columns if c.hidden}
    assert hidden["finding"] == "1a"
    assert hidden["model"] == "tiny <&> co"
    assert hidden["outcome"] == "shown"
