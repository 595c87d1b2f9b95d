"""The schema of a record: what it takes, and what it refuses."""

import math

import pytest
import toy
from outcomes import TRAINING_CASE, outcome, point, record, training_outcome
from pydantic import ValidationError
from spoiled_records import spoil

from harness.record.kernels import ReplayedPrimitive, Replays
from harness.record.schema import (
    MOST_EPOCHS,
    MOST_METRICS,
    MOST_TARGETS,
    SCHEMA_VERSION,
    AccuracyMetric,
    AccuracyRecord,
    Bound,
    Kernel,
    Kernels,
    NoiseRecord,
    PoolRecord,
    Record,
    TargetReached,
    Threads,
    TranscriptRecord,
)


@pytest.mark.parametrize(
    "found",
    [record(), record(training_outcome(point(1, 0.5)), case=TRAINING_CASE)],
    ids=["operation", "training"],
)
def test_a_record_is_read_back_as_it_was_written(found):
    assert Record.model_validate_json(found.model_dump_json()) == found
    assert found.schema_version == SCHEMA_VERSION


def test_a_record_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        record().status = "failed"


@pytest.mark.parametrize(
    ("reached", "tta_s", "epochs"),
    [
        (False, 10.0, None),
        (False, None, 3),
        (False, 10.0, 3),
        (True, None, None),
        (True, 10.0, None),
        (True, None, 3),
    ],
)
def test_a_miss_has_no_number_and_a_hit_has_both(reached, tta_s, epochs):
    with pytest.raises(ValidationError, match="numbers exactly when the level is reac"):
        TargetReached(
            metric="cer",
            level=0.5,
            reached=reached,
            tta_s=tta_s,
            epochs_to_target=epochs,
        )


@pytest.mark.parametrize("part", ["timing", "work"])
def test_a_case_that_is_ok_has_timing_and_work(plain, part):
    with pytest.raises(ValidationError, match="status ok needs timing and work"):
        Record.model_validate(plain | {part: None})


@pytest.mark.parametrize("status", ["failed", "skipped"])
@pytest.mark.parametrize("reason", [None, ""])
def test_a_case_that_is_not_ok_has_a_reason(plain, status, reason):
    with pytest.raises(ValidationError, match=f"a {status} record needs a reason"):
        Record.model_validate(plain | {"status": status, "reason": reason})


@pytest.mark.parametrize("metrics", [None, {}])
def test_missing_accuracy_has_a_reason(metrics):
    with pytest.raises(ValidationError, match="accuracy without metrics must say why"):
        AccuracyRecord(metrics=metrics, reason=None)
    assert AccuracyRecord(metrics=metrics, reason="untrained").reason == "untrained"


@pytest.mark.parametrize(
    "path", [("surprise",), ("timing", "surprise"), ("tta", "curve", 0, "surprise")]
)
def test_a_field_that_the_schema_does_not_know_is_refused(plain, path):
    spoil(plain, path, 1)
    with pytest.raises(ValidationError, match=r"surprise\n  Extra inputs are not"):
        Record.model_validate(plain)


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.001])
@pytest.mark.parametrize(
    "path",
    [
        ("timing", "samples_s", 0, 0),
        ("timing", "median_s"),
        ("timing", "rtfx"),
        ("tta", "total_s"),
        ("tta", "step_s", 0),
        ("work", "audio_s_per_step"),
    ],
)
def test_times_and_amounts_are_finite_and_not_below_0(plain, path, value):
    spoil(plain, path, value)
    with pytest.raises(ValidationError, match=r"(finite|greater than or equal to 0)"):
        Record.model_validate(plain)


def test_a_workloads_own_facts_are_finite():
    with pytest.raises(ValidationError, match="finite"):
        record(outcome(0.5, details={"padding_percent": math.nan}))


@pytest.mark.parametrize(
    ("field", "value"), [("status", "fine"), ("stage", "decode"), ("schema_version", 3)]
)
def test_words_that_the_schema_does_not_know_are_refused(plain, field, value):
    with pytest.raises(ValidationError, match=rf"{field}\n  Input should be"):
        Record.model_validate(plain | {field: value})


def test_kernels_of_an_older_result_came_from_torchs_onednn():
    written = {
        "rows": [],
        "steps": 3,
        "wall_s": 1.0,
        "coverage_percent": 0.0,
        "claim_share_percent": None,
        "unparsed_lines": 0,
    }
    found = Kernels.model_validate(written)
    assert (found.source, found.float_layers) == ("oneDNN log", 0)


def test_transcripts_and_edits_are_read_back_as_they_were_written():
    said = [("best", "a", "a", 0), ("worst", "ab", "xb", 1)]
    found = record(outcome(0.5, accuracy=toy.transcribed(said, [(1, 0), (2, 1)])))
    read = Record.model_validate_json(found.model_dump_json())
    assert read == found
    assert read.accuracy.edits_by_length == [(1, 0), (2, 1)]
    assert [one.rank for one in read.accuracy.transcripts] == ["best", "worst"]
    assert read.accuracy.transcripts[1].hypothesis == "xb"


def test_an_accuracy_of_an_older_result_has_no_transcripts():
    found = AccuracyRecord.model_validate({"metrics": None, "reason": "untrained"})
    assert (found.edits_by_length, found.transcripts) == ([], [])


@pytest.mark.parametrize(
    ("field", "value"), [("rank", "median"), ("edits", -1), ("edits", 0.5)]
)
def test_a_transcript_has_a_rank_and_a_count_of_edits(field, value):
    plain = {"rank": "best", "reference": "a", "hypothesis": "b", "edits": 1}
    assert TranscriptRecord.model_validate(plain).edits == 1
    with pytest.raises(ValidationError, match=rf"{field}\n  Input should be"):
        TranscriptRecord.model_validate(plain | {field: value})


@pytest.mark.parametrize("pair", [[1], [1, 2, 3], [1, "many"]])
def test_edits_by_length_are_pairs_of_whole_numbers(pair):
    with pytest.raises(ValidationError, match="edits_by_length"):
        AccuracyRecord(metrics=None, reason="untrained", edits_by_length=[pair])


def test_noise_of_an_older_result_was_of_a_whole_process(plain):
    spoil(plain, ("noise",), [{"seconds": 2.0, "steal_percent": 0.5, "unknown": {}}])
    for field in ("spoiled", "spoiled_samples_s"):
        del plain["timing"][field]
    found = Record.model_validate(plain)
    (noise,) = found.noise
    assert (noise.process, noise.samples, noise.spoiled) == (None, None, None)
    assert noise.model_dump()["steal_percent"] == 0.5
    assert (found.timing.spoiled, found.timing.spoiled_samples_s) == (False, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (("timing", "rtfx"), 1e101),
        (("tta", "total_s"), 1e101),
        (("accuracy", "metrics", "wer", "value"), -1e101),
    ],
)
def test_numbers_beyond_all_measure_are_refused(plain, field, value):
    spoil(plain, field, value)
    with pytest.raises(
        ValidationError, match=r"Input should be (less|greater) than or"
    ):
        Record.model_validate(plain)


@pytest.mark.parametrize("value", [-1, 2**63, 10**400])
@pytest.mark.parametrize(
    "field",
    [
        *(("batch_size",), ("work", "parameters"), ("work", "model_bytes")),
        *(("memory", "peak_rss_bytes"), ("timing", "processes"), ("timing", "cycle")),
        *(("tta", "window_epochs"), ("tta", "seed"), ("tta", "resumed")),
        *(("tta", "curve", 0, "epoch"), ("accuracy", "metrics", "wer", "n")),
    ],
)
def test_counts_are_what_a_machine_can_count(plain, field, value):
    spoil(plain, field, value)
    with pytest.raises(ValidationError, match=r"Input should be (less|greater) than"):
        Record.model_validate(plain)


COUNTED = {
    Bound: {"value": None, "upper_bound": None, "n": 1, "needed": 2},
    Kernel: {
        **{"primitive": "p", "direction": "d", "implementation": "i", "dtypes": "f32"},
        **{"calls": 1, "time_s": 1.0, "share_percent": 1.0},
    },
    Kernels: {
        **{"rows": [], "steps": 3, "wall_s": 1.0, "coverage_percent": 0.0},
        **{"claim_share_percent": None, "unparsed_lines": 0, "float_layers": 0},
    },
    ReplayedPrimitive: {
        **{"primitive": "p", "direction": "d", "implementation": "i", "dtypes": "f32"},
        **{"problem": "x", "calls": 1, "observed_s": 1.0, "hot_s": 1.0, "cold_s": None},
    },
    Replays: {
        **{"steps": 1, "reproduced_percent": 1.0, "observed_s": 1.0},
        **{"projected_s": 1.0, "bracketed_percent": 1.0, "most_to_gain": []},
    },
    NoiseRecord: {"process": 0, "first_sample": 0, "samples": 1},
    PoolRecord: {"api": "openmp", "library": "l", "package": None, "threads": 1},
    TargetReached: {
        **{"metric": "cer", "level": 0.5, "reached": True},
        **{"tta_s": 1.0, "epochs_to_target": 1},
    },
    Threads: {"busy": 1, "cpus": 1, "runnable_mean": None, "pools": []},
    TranscriptRecord: {"rank": "best", "reference": "", "hypothesis": "", "edits": 0},
}


@pytest.mark.parametrize("value", [-1, 2**63, 10**400])
@pytest.mark.parametrize(
    ("part", "field"),
    [
        (part, field)
        for part, values in COUNTED.items()
        for field, found in values.items()
        if type(found) is int
    ],
)
def test_every_count_of_a_part_is_bounded(part, field, value):
    part.model_validate(COUNTED[part])
    with pytest.raises(
        ValidationError, match=rf"{field}\n  Input should be (les|grea)"
    ):
        part.model_validate(COUNTED[part] | {field: value})


@pytest.mark.parametrize("pair", [[-1, 0], [0, 10**400]])
def test_lengths_and_edits_are_bounded_too(pair):
    with pytest.raises(ValidationError, match=r"Input should be (less|greater) than"):
        AccuracyRecord(metrics=None, reason="untrained", edits_by_length=[pair])


@pytest.mark.parametrize(
    ("way", "most"),
    [
        (("accuracy", "metrics"), MOST_METRICS),
        (("tta", "targets"), MOST_TARGETS),
        (("tta", "curve"), MOST_EPOCHS),
        (("tta", "curve", 0, "errors"), MOST_METRICS),
    ],
)
def test_more_than_any_workload_has_is_refused(plain, way, most):
    def copies(number):
        part = plain
        for key in way:
            part = part[key]
        one = next(iter(part.values() if isinstance(part, dict) else part))
        named = {f"m{i}": one for i in range(number)}
        return named if isinstance(part, dict) else [one] * number

    many, too_many = copies(most), copies(most + 1)
    spoil(plain, way, many)
    Record.model_validate(plain)
    spoil(plain, way, too_many)
    with pytest.raises(ValidationError, match=f"at most {most} items"):
        Record.model_validate(plain)


def test_each_process_has_samples_of_a_whole_cycle(plain):
    spoil(plain, ("timing", "cycle"), 2)
    expected = r"samples_s has 1 lists, the shortest of 1 samples: expected a list for "
    with pytest.raises(ValidationError, match=expected):
        Record.model_validate(plain)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "path", [("tta", "curve", 0, "errors", "cer"), ("tta", "targets", 0, "level")]
)
def test_levels_and_what_reaches_them_are_finite(plain, path, value):
    spoil(plain, path, value)
    with pytest.raises(ValidationError, match="finite"):
        Record.model_validate(plain)


def test_levels_and_what_reaches_them_may_be_below_0(plain):
    spoil(plain, ("tta", "curve", 0, "errors", "cer"), -7.5)
    spoil(plain, ("tta", "targets", 0, "level"), -3.0)
    found = Record.model_validate(plain).tta
    assert (found.curve[0].errors["cer"], found.targets[0].level) == (-7.5, -3.0)


def test_records_of_before_metrics_had_a_direction_mean_lower(plain):
    metric = {"value": 0.1, "n": 50, "interval": (0.05, 0.15)}
    assert AccuracyMetric.model_validate(metric).better == "lower"
    del plain["tta"]["targets"][0]["better"]
    assert Record.model_validate(plain).tta.targets[0].better == "lower"


def test_a_direction_is_kept_and_one_that_is_none_is_refused():
    metric = {"value": 9.0, "n": 50, "interval": (8.0, 10.0)}
    kept = AccuracyMetric.model_validate(metric | {"better": "higher"})
    assert kept.model_dump()["better"] == "higher"
    with pytest.raises(ValidationError, match="Input should be 'lower' or 'higher'"):
        AccuracyMetric.model_validate(metric | {"better": "up"})
