"""What asv is shown of the toy workload, without asv."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy
from outcomes import ACCURACY, SEEN, broken, outcome, record
from scipy.stats import mannwhitneyu

from harness.bridges import asv
from harness.case import Case
from harness.hardware import THREAD_VARIABLES
from harness.measure.compose import failed, skipped
from harness.measure.outcome import CaseOutcome
from harness.measure.run import Runner
from harness.measure.watch import TimedEnergy
from harness.profile import SMOKE
from harness.workload import Accuracy, Context, Operation, Work, Workload

HASTY = replace(SMOKE, name="commit", warmup_s=0.0)
WORKLOAD = replace(toy.WORKLOAD, points={"commit": toy.points("good", "other")})


def case_of(model: str) -> Case:
    return Case("toy", model, "fp32", "eager", "cpu", 1)


GOOD = case_of("good")


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asv, "COMMIT", HASTY)
    for name in THREAD_VARIABLES:  # put back after the test
        monkeypatch.setenv(name, "77")


def made(
    workload: Workload = WORKLOAD, metrics: tuple[str, ...] = ()
) -> tuple[Any, Any, Any]:
    steady, plain, tracked = asv.classes(workload, metrics)
    return steady(), plain(), tracked()


def ending_in(ended: CaseOutcome) -> Callable[..., CaseOutcome]:
    return lambda *_: ended


def test_every_case_of_the_commit_profile_is_a_parameter() -> None:
    for made_one in made():
        assert made_one.params == [GOOD.id, case_of("other").id]
        assert made_one.param_names == ["case"]


def test_a_workload_without_such_cases_shows_none() -> None:
    assert made(toy.STEP)[0].params == []


def test_a_doc_edit_in_the_bridge_drops_no_results() -> None:
    assert [made_one.version for made_one in made()] == ["2", "2", "2"]


def test_seconds_are_those_of_a_step_over_its_items(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = outcome(0.25, 1.0, 0.25, 1.0, 0.25, 7.0, cycle=2)
    monkeypatch.setattr(Runner, "one_process", ending_in(ended))
    assert asv.seconds_per_item(WORKLOAD, GOOD) == pytest.approx(0.625 / 2)


def test_asv_reads_off_its_timer_what_the_worker_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steady, _, _ = made()
    for seconds in (0.5, 0.125):
        ended = outcome(2 * seconds)
        monkeypatch.setattr(Runner, "one_process", ending_in(ended))
        steady.setup(GOOD.id)
        began = steady.timer()
        steady.time_per_item(GOOD.id)
        assert steady.timer() - began == seconds


def test_one_sample_a_round_and_one_disturbed_process_hides_no_slow_down() -> None:
    """asv says a commit is slower where Mann and Whitney's p is below 0.002."""
    steady, plain, _ = made()
    for made_one in (steady, plain):
        assert (made_one.number, made_one.repeat) == (1, 1)
    before = [1.0 + 0.01 * i for i in range(steady.rounds)]
    after = [1.2 * seconds for seconds in before]
    before[-1] = 9.0
    assert mannwhitneyu(before, after, method="exact").pvalue < 0.002
    assert steady.warmup_time == 0 < plain.warmup_time
    assert 1 < plain.rounds < steady.rounds


def test_a_round_is_a_worker_without_accuracy_and_kernels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[CaseOutcome] = []
    measure = Runner.one_process

    def watched(self: Runner, *arguments: Any) -> CaseOutcome:
        ended.append(measure(self, *arguments))
        return ended[-1]

    monkeypatch.setattr(Runner, "one_process", watched)
    assert asv.seconds_per_item(WORKLOAD, GOOD) > 0
    assert ended[0].done.accuracy is None
    assert ended[0].done.kernels is None


def test_idle_power_and_the_machines_peaks_are_not_measured(tmp_path: Path) -> None:
    runner = asv._runner(tmp_path, WORKLOAD, GOOD)
    assert runner.peaks(GOOD, "fp32", lambda _: None).reason == "not asked for"
    assert runner.instruments._idle_watts == {"cpu": None}


def test_a_case_that_cannot_run_is_asvs_skip_with_the_reason() -> None:
    with pytest.raises(NotImplementedError, match="no such operator"):
        asv.seconds_per_item(WORKLOAD, case_of("unsupported"))
    with pytest.raises(NotImplementedError, match="no such operator"):
        asv.built_here(WORKLOAD, case_of("unsupported"))


@pytest.mark.parametrize(
    ("model", "reason"), [("broken", "broken on purpose"), ("killed", "signal 9")]
)
def test_a_case_that_breaks_fails_with_its_reason(model: str, reason: str) -> None:
    with pytest.raises(RuntimeError, match=f"toy/{model}/(.|\n)*{reason}"):
        asv.seconds_per_item(WORKLOAD, case_of(model))


def test_one_full_measurement_gives_errors_bytes_and_joules() -> None:
    energy = TimedEnergy(12.0, "rapl", None, None)
    ended = outcome(0.5, 0.5, seen=replace(SEEN, energy=energy))
    assert asv.tracked(record(ended)) == {
        "errors": {"wer": 0.125},
        "model_bytes": 40,
        "peak_rss_bytes": 2**20,
        "joules_per_audio_hour": pytest.approx(12.0 / 2 / 6 * 3600),
    }


def test_what_is_tracked_is_shown_by_name_and_unit() -> None:
    _, _, tracked = made(metrics=("wer",))
    cache = {GOOD.id: asv.tracked(record())}
    tracked.setup(cache, GOOD.id)
    shown = {
        name.removeprefix("track_"): (track(cache, GOOD.id), track.unit)
        for name, track in inspect.getmembers(tracked, inspect.ismethod)
        if name.startswith("track_")
    }
    assert math.isnan(shown.pop("joules_per_audio_hour")[0])  # n/a without a source
    assert shown == {
        "wer": (0.125, "wer"),
        "model_bytes": (40, "bytes"),
        "peak_rss_bytes": (2**20, "bytes"),
    }


def test_an_accuracy_without_metrics_is_not_available() -> None:
    _, _, tracked = made(metrics=("wer",))
    untrained = outcome(0.5, accuracy=ACCURACY | {"metrics": None, "reason": "none"})
    cache = {GOOD.id: asv.tracked(record(untrained))}
    assert math.isnan(tracked.track_wer(cache, GOOD.id))


def test_errors_are_rounded_to_what_a_table_holds() -> None:
    _, _, tracked = made(metrics=("wer",))
    cache = {GOOD.id: {"errors": {"wer": 1 / 3}}}
    assert tracked.track_wer(cache, GOOD.id) == 0.333333


def test_a_metric_that_the_workload_does_not_have_is_an_error() -> None:
    _, _, tracked = made(metrics=("eer",))
    with pytest.raises(KeyError, match="eer"):
        tracked.track_eer({GOOD.id: asv.tracked(record())}, GOOD.id)


def test_a_full_measurement_that_ended_otherwise_says_so_for_its_case_alone() -> None:
    _, _, tracked = made()
    lame, dead = case_of("unsupported"), case_of("broken")
    cache = {
        GOOD.id: asv.tracked(record()),
        lame.id: asv.tracked(skipped(WORKLOAD, lame, HASTY, "no such operator")),
        dead.id: asv.tracked(failed(WORKLOAD, dead, HASTY, broken("out of order"))),
    }
    tracked.setup(cache, GOOD.id)
    with pytest.raises(NotImplementedError, match="no such operator"):
        tracked.setup(cache, lame.id)
    with pytest.raises(RuntimeError, match="out of order"):
        tracked.setup(cache, dead.id)


def test_the_cache_holds_every_case_and_is_the_workloads_own() -> None:
    """asv tells caches apart by their function's module and line."""
    _, _, tracked = made()
    assert tracked.setup_cache.__module__ == toy.build.__module__
    cache = tracked.setup_cache()
    assert set(cache) == set(tracked.params)
    assert cache[GOOD.id]["errors"] == {"wer": 0.1}


def counting(context: Context) -> Operation:
    """Three inputs; a line in the scratch folder for each step."""
    log = context.scratch_dir / "steps"
    log.touch()
    return Operation(
        step=lambda: log.write_text(log.read_text() + "x"),
        cycle=3,
        work=Work(1, 1.0),
        accuracy=lambda: Accuracy({}, "counts"),
        details={"log": str(log)},
    )


def test_asvs_own_sample_is_a_whole_cycle_of_what_was_built_once() -> None:
    _, plain, _ = made(replace(WORKLOAD, build=counting))
    plain.setup(GOOD.id)
    log = Path(plain._operation.details["log"])
    plain.time_cycle(GOOD.id)
    plain.setup(GOOD.id)
    plain.peakmem_cycle(GOOD.id)
    assert log.read_text() == 6 * "x"


def test_asvs_own_process_obeys_the_case_and_not_the_users_shell() -> None:
    operation = asv.built_here(WORKLOAD, GOOD)
    assert operation.details is not None
    assert operation.details["threads"] != "77"


def test_asv_follows_one_worker_alone() -> None:
    several = replace(GOOD, options=(("instances", "2"),))
    with pytest.raises(NotImplementedError, match="leave instances out"):
        asv.seconds_per_item(WORKLOAD, several)
    with pytest.raises(NotImplementedError, match="leave the option instances out"):
        asv.built_here(WORKLOAD, several)


def test_asv_times_no_training() -> None:
    with pytest.raises(TypeError, match="is a training"):
        asv.built_here(toy.TRAINING, case_of("good"))


def test_all_that_asv_is_shown_falls_when_it_gets_better() -> None:
    known = re.compile(
        "time_per_item|time_cycle|peakmem_cycle|"
        "track_(wer|model_bytes|peak_rss_bytes|joules_per_audio_hour)"
    )
    for made_one in made(metrics=("wer",)):
        shown = [n for n in dir(made_one) if re.match("(time|peakmem|track|mem)_", n)]
        assert shown
        assert [name for name in shown if not known.fullmatch(name)] == []


def db(value: float) -> dict[str, Any]:
    return {"value": value, "n": 50, "interval": [value, value], "better": "higher"}


def of_metrics(**metrics: dict[str, Any]) -> dict[str, Any]:
    accuracy = {"metrics": metrics, "reason": None}
    return asv.tracked(record(outcome(0.5, accuracy=accuracy)))


def test_a_fall_in_db_is_a_rise_of_what_asv_is_shown() -> None:
    """asv says a commit is worse where its figure is above 1.1 times the other's."""
    _, _, tracked = made(metrics=("inverse_si_sdr",))
    shown = [
        tracked.track_inverse_si_sdr({GOOD.id: of_metrics(si_sdr=db(value))}, GOOD.id)
        for value in (10.0, 9.0, 0.0, -10.0)
    ]
    assert shown == [0.1, 0.125893, 1.0, 10.0]


def test_other_metrics_of_which_higher_is_better_are_shown_as_reciprocals() -> None:
    stated = of_metrics(accuracy=db(0.8), nothing=db(0.0))["errors"]
    assert stated["inverse_accuracy"] == 1.25
    assert math.isnan(stated["inverse_nothing"])


def test_a_metric_is_tracked_only_by_the_name_that_tells_its_direction() -> None:
    _, _, tracked = made(metrics=("si_sdr", "inverse_wer"))
    cache = {GOOD.id: of_metrics(si_sdr=db(9.0), wer=ACCURACY["metrics"]["wer"])}
    with pytest.raises(KeyError, match="expected one of inverse_si_sdr, wer"):
        tracked.track_si_sdr(cache, GOOD.id)
    with pytest.raises(KeyError, match="inverse_wer is not among the metrics of toy"):
        tracked.track_inverse_wer(cache, GOOD.id)
