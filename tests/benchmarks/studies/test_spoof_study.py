"""The study of front-ends: where filters lie, what claims come to, what is kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.studies.spoof import __main__ as command
from benchmarks.studies.spoof.claims import (
    CLAIMS,
    Claim,
    difference_of_means,
    eer_below,
    moved,
    of_means,
    slower,
)
from benchmarks.studies.spoof.filters import Displacement, FilterPlaces, peaks_hz
from benchmarks.studies.spoof.page import curves
from benchmarks.studies.spoof.report import tables
from benchmarks.studies.spoof.trainings import (
    Journal,
    LearningTime,
    TrainedFrontend,
)
from workloads.corpora.spoofed import builtin
from workloads.corpora.spoofed.builtin import SpoofedSize
from workloads.metrics.bootstrap import Difference
from workloads.metrics.detection import EqualErrorRate
from workloads.spoof.published import PUBLISHED
from workloads.spoof.sizes import FRONTENDS
from workloads.spoof.task import CORPORA
from workloads.training.events import Event


def bump(centre: int, width: int = 3) -> list[float]:
    """Of 201 frequencies, 40 Hz apart."""
    return [float(max(0, width - abs(place - centre))) for place in range(201)]


def training(
    frontend: str, seed: int, shift: float, **changed: object
) -> TrainedFrontend:
    rng = np.random.default_rng(seed)
    bona_fide, spoofed = rng.normal(shift, 1, 100), rng.normal(0, 1, 100)
    kinds = ("",) * 100 + ("A07",) * 50 + ("A08",) * 50
    score = EqualErrorRate("eer", (*bona_fide.tolist(), *spoofed.tolist()), kinds)
    made = TrainedFrontend(
        *(frontend, seed, score, 0.1, (2.0, 1.0, 1.2), (0.1, 0.0, 0.0)),
        *((0.5, 0.3, 0.2), [bump(50), bump(100)], [bump(50), bump(110)]),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def trainings(**shifts: float) -> dict[str, list[TrainedFrontend]]:
    return {
        name.replace("_", "-"): [training(name, seed, shift) for seed in range(4)]
        for name, shift in shifts.items()
    }


def test_a_filter_lies_where_its_power_does() -> None:
    found = FilterPlaces.of(np.array([bump(50), bump(100, 9)]))
    assert found.centres_hz == pytest.approx((2_000, 4_000))
    # Shares 1, 2, 3, 2, 1 of 9 at 80, 40 and 0 Hz.
    assert found.widths_hz[0] == pytest.approx(np.sqrt((2 * 80**2 + 4 * 40**2) / 9))
    assert found.widths_hz[1] > found.widths_hz[0]


def test_a_displacement_is_of_centres_and_widths() -> None:
    before = np.array([bump(50), bump(100), bump(150)])
    after = np.array([bump(50), bump(102), bump(160, 9)])
    found = Displacement.between(before, after)
    assert (found.centre_hz, found.most_hz) == pytest.approx((80, 400))
    assert found.width_hz == pytest.approx(0, abs=1e-6)
    width = FilterPlaces.of(before).widths_hz[1]
    assert found.relative == pytest.approx(80 / width)


def test_peaks_are_of_all_filters_together() -> None:
    assert peaks_hz(np.array([bump(50), bump(50), bump(100)])) == (2_000, 4_000)
    assert peaks_hz(np.array([bump(0), bump(200), bump(200)]), count=1) == (8_000,)


def test_a_claim_holds_fails_or_cannot_be_told() -> None:
    found = trainings(good=3.0, bad=1.0, also_bad=1.0)
    for ours, theirs, verdict in (
        ("good", "bad", "holds"),
        ("bad", "good", "fails"),
        ("bad", "also-bad", "cannot tell"),
        ("good", "absent", "no trainings"),
    ):
        claim = Claim("lower", (ours, theirs), eer_below(ours, theirs))
        assert claim.judged(found).verdict == verdict
    above = Claim(
        "above", ("bad", "good"), eer_below("bad", "good"), level=0.05, is_above=True
    )
    assert above.judged(found).verdict == "holds"
    assert replace(above, level=0.9).judged(found).verdict == "fails"


def test_numbers_of_trainings_have_intervals_of_the_next() -> None:
    """Of Student's t: 12.706 and 4.303 are its quantiles for one and two degrees."""
    found = difference_of_means([1.0, 3.0], None)
    assert found.value == 2.0
    assert (found.low, found.high) == pytest.approx((2 - 12.706, 2 + 12.706), abs=1e-3)
    found = difference_of_means([1.0, 2.0, 3.0], None)
    assert found.high == pytest.approx(2 + 4.3027 / np.sqrt(3), abs=1e-3)
    both = difference_of_means([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    assert both.value == 0
    assert both.high == pytest.approx(2.7764 * np.sqrt(2 / 3), abs=1e-3)
    for theirs in (None, [0.0], [0.0, 1.0]):
        assert difference_of_means([1.0], theirs).high == np.inf
    assert difference_of_means([1.0, 2.0], [0.0]).low == -np.inf, "one may vary too"
    alike = trainings(one=2.0, two=2.0)
    assert slower("one", "two")(alike) == Difference(1.0, 1.0, 1.0)
    assert of_means(lambda one: one.seed, "one")(alike).value == 1.5
    assert of_means(lambda one: one.seed, "one", "two")(alike).value == 0.0


def test_two_trainings_tell_nothing_of_the_next() -> None:
    found = {n: some[:2] for n, some in trainings(good=3.0, bad=1.0).items()}
    claim = Claim("lower", ("good", "bad"), eer_below("good", "bad"))
    assert claim.judged(found).verdict == "cannot tell"


def test_learning_is_timed_wherever_its_state_begins_anew() -> None:
    """A loop that saves nothing still says that it goes on learning."""
    now_s = iter(range(0, 100, 10))
    learning = LearningTime(lambda: float(next(now_s)))
    for state in ("train", "train", "evaluate", "train", "evaluate"):
        learning.see(Event("state", state, 1, 0))  # type: ignore[arg-type]
        learning.see(Event("step", "train", 1, 0))
    assert learning.take() == 40.0
    assert learning.take() == 0.0


def test_a_filter_that_lets_nothing_through_is_closed_and_counts_nowhere() -> None:
    before = np.array([bump(50), bump(100)])
    after = np.array([[0.0] * 201, bump(102)])
    found = Displacement.between(before, after)
    assert (found.centre_hz, found.closed) == (pytest.approx(80), 1)


def test_an_epoch_is_the_median_and_overfitting_what_evaluation_adds() -> None:
    one = training("fbank", 0, 2.0)
    assert one.s_per_epoch == 1.2
    assert one.overfit == pytest.approx(one.evaluation.value - 0.1)
    # 400 Hz of one filter, none of the other: half of that, over its width.
    width = FilterPlaces.of(np.array([bump(50)])).widths_hz[0]
    assert moved(one) == pytest.approx(200 / width)


def test_every_claim_is_of_front_ends_that_there_are() -> None:
    for claim in CLAIMS:
        assert set(claim.needs) <= set(FRONTENDS)
        found = {name: [training(name, 0, 2.0)] for name in claim.needs}
        assert claim.judged(found).verdict in ("holds", "fails", "cannot tell")


def test_tables_have_a_row_a_front_end_and_a_claim() -> None:
    found = trainings(fbank=2.0, leaf=1.0)
    claims, eers, filters, published = tables(found)
    assert len(claims) == len(CLAIMS)
    rows = list(eers.lines())
    assert [row[0] for row in rows] == ["fbank", "leaf"]
    assert [row[1] for row in published.lines()] == ["0", "282"]
    assert [row[4] for row in published.lines()] == ["2.11", "2.49"]
    assert len(filters) == 2
    verdicts = dict(zip(claims.columns[0].texts, claims.columns[2].texts, strict=True))
    assert verdicts["leaf, which filters samples, trains slower than fbank"] == (
        "cannot tell"
    )


def test_the_published_table_is_the_papers() -> None:
    assert PUBLISHED["fastaudio-tri"].ecapa_eer == 1.54
    assert PUBLISHED["leaf"].epoch_s == 34 * 60 + 45
    assert PUBLISHED["td-filterbanks"].epoch_s == 22 * 60 + 48
    assert set(PUBLISHED) == set(FRONTENDS)
    assert PUBLISHED["sincnet"].x_vector_eer is None


def test_curves_are_as_long_as_the_shortest_training() -> None:
    short = training("fbank", 0, 2.0, epoch_s=(1.0,), epoch_eer=(0.4,))
    seconds, eers = curves([short, training("fbank", 1, 2.0)])
    assert seconds.tolist() == [1.5]
    assert eers.tolist() == [[40.0], [50.0]]


def test_a_training_is_kept_and_found_again(tmp_path: Path) -> None:
    journal, one = Journal(tmp_path / "new", "x"), training("fbank", 3, 2.0)
    assert journal.read("fbank", 3) is None
    journal.keep(one)
    assert journal.read("fbank", 3) == one
    assert Journal(tmp_path / "new", "y").read("fbank", 3) is None
    journal.path("fbank", 3).write_text("{}")
    with pytest.raises(ValueError, match="holds a finished training"):
        journal.read("fbank", 3)


@pytest.mark.slow
def test_the_command_trains_judges_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CORPORA, "quick", SpoofedSize("tiny", train=16, evaluation=20))
    monkeypatch.setattr(command, "default_cache_dir", lambda: tmp_path / "cache")
    out, page = tmp_path / "numbers.json", tmp_path / "page.html"
    words = ["--frontend", "fbank", "--frontend", "fastaudio-tri", "--seeds", "1"]
    words += ["--epochs", "2", "--json", str(out), "--html", str(page)]
    found = CliRunner().invoke(command.main, words, catch_exceptions=False)
    assert found.exit_code == 0, found.output
    assert "epoch 2" in found.stderr
    assert "FastAudio (fastaudio-tri) has a lower EER than fbank" in found.stdout
    content = json.loads(out.read_text(), parse_constant=pytest.fail)
    assert [one["frontend"] for one in content["trainings"]] == [
        "fbank",
        "fastaudio-tri",
    ]
    assert "Of 13 claims of the paper" in page.read_text()
    again = CliRunner().invoke(command.main, words[:-4], catch_exceptions=False)
    assert "epoch" not in again.stderr
    assert found.stdout.endswith(again.stdout)
    assert builtin.SMOKE.train == 32
