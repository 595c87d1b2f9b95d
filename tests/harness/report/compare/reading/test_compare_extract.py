import gc
import re
import weakref

import pytest
from pydantic import ValidationError
from recorded import (
    CASE,
    DETAILS,
    accuracy,
    kernel,
    kernels,
    metric,
    moment,
    record,
    training,
    unmeasured,
)

from harness.record.result import fault
from harness.record.schema import MOST_GPUS
from harness.report.compare.model import Moment, Work
from harness.report.compare.reading.extract import (
    MOMENTS,
    MOST_WARNINGS,
    Process,
    extract,
    thinned,
)


def figures(*processes, **changes):
    found = extract(record(*processes, **changes)).figures
    assert found is not None
    return found


def timeline(*moments):
    return figures(utilization={"timeline": list(moments)}).timeline


def test_the_work_is_the_case_without_its_hardware():
    found = extract(record())
    assert found.work == Work("asr-inference", "ds2-small", "fp32", "eager", 1)
    assert (found.hardware, found.profile, found.status) == ("cpu", "quick", "ok")


def test_options_belong_to_the_work_in_their_order():
    options = (("z", "1"), ("a", "2"))
    case = type(CASE)("w", "m", "fp32", "eager", "cuda:0", 4, options)
    found = extract(record(case=case))
    assert str(found.work) == "w/m/fp32/eager/b4/z=1/a=2"
    assert found.hardware == "cuda:0"


def test_a_process_is_its_median_step_and_its_totals():
    found = figures([1.0, 2.0, 9.0], [4.0])
    assert found.processes == (Process(2.0, 3, 12.0), Process(4.0, 1, 4.0))


def test_the_median_of_a_process_is_over_its_cycles():
    found = figures([1.0, 3.0, 2.0, 6.0, 9.0, 9.0], cycle=2)
    assert found.processes == (Process(4.0, 6, 30.0),)
    assert [one.tolist() for one in found.latency_s] == [[1.0, 3.0]]


def test_latencies_of_one_input_are_those_of_all_processes():
    found = figures([1.0, 2.0], [3.0]).latency_s
    assert [one.tolist() for one in found] == [[1.0, 2.0], [3.0]]


def test_a_training_has_no_latency_but_a_curve():
    found = extract(training(2.0, 4.0, seed=3, targets=[(0.5, 8.0, 2)])).figures
    assert found.latency_s is None
    assert found.trained.seed == 3
    assert found.trained.s_per_epoch == 4.0
    assert [(at.end_s, at.errors) for at in found.trained.curve] == [
        (3.0, {"cer": 1.0}),
        (8.0, {"cer": 0.5}),
    ]
    (target,) = found.trained.targets
    assert (target.level, target.tta_s, target.epochs_to_target) == (0.5, 8.0, 2)


def test_what_was_not_measured_has_the_first_line_of_its_reason():
    found = extract(unmeasured("failed", "out of \x1bmemory\nTraceback ..."))
    assert (found.status, found.reason) == ("failed", "out of \ufffdmemory")
    assert found.figures is None


def test_corpus_and_weights_are_stated_by_their_checksums():
    assert (figures().corpus, figures().weights) == ("c" * 64, "a" * 64)
    bare = figures(details={})
    assert (bare.corpus, bare.weights) == ("none", "none")


def test_metrics_stand_by_name_and_their_lack_with_its_reason():
    found = figures(accuracy=accuracy(wer=metric(0.25), cer=metric(0.125)))
    assert [(name, m.value) for name, m in found.metrics.items()] == [
        ("wer", 0.25),
        ("cer", 0.125),
    ]
    assert found.no_metrics is None
    without = figures(accuracy={"metrics": None, "reason": "untrained weights"})
    assert (without.metrics, without.no_metrics) == ({}, "untrained weights")
    assert figures(accuracy=None).no_metrics == "no accuracy in the record"


def test_kernels_are_summed_by_primitive_and_direction():
    rows = [
        kernel("matmul", 0.125, 12.5, implementation="gemm"),
        kernel("matmul", 0.375, 37.5, implementation="brgemm"),
        kernel("matmul", 0.5, 50.0, direction="backward_data"),
    ]
    found = figures(kernels=kernels(*rows)).logged
    forward, backward = ("matmul", "forward"), ("matmul", "backward_data")
    assert found.time_s == {forward: 0.5, backward: 0.5}
    assert found.implementation[forward] == "brgemm"
    assert (found.logged_s, found.wall_s, found.steps) == (1.0, 1.0, 2)


def test_shares_tell_what_was_logged_where_rows_are_cut():
    found = figures(kernels=kernels(kernel("matmul", 0.5, 25.0))).logged
    assert found.logged_s == 2.0


def test_kernels_of_no_step_are_refused():
    with pytest.raises(ValueError, match=r"^kernels.steps is 0: expected 1 or more$"):
        figures(kernels=kernels(steps=0))


def test_readings_are_percents_of_the_worker_the_machine_and_each_gpu():
    gpus = [{"index": 0, "utilization_percent": 80.0}, {"utilization_percent": 20.0}]
    assert timeline(moment(0.5, stage="build"), moment(1.0, gpus=gpus)) == (
        Moment(0.5, "build", 100.0, 50.0),
        Moment(1.0, "timed", 100.0, 50.0, (80.0, 20.0)),
    )


def test_a_gpu_that_is_not_known_leaves_no_gap_in_the_others_order():
    gpus = [{"utilization_percent": None}, {"utilization_percent": 20.0}]
    assert timeline(moment(1.0, gpus=gpus))[0].gpu_percent == ()


@pytest.mark.parametrize("utilization", [None, {}, {"timeline": []}])
def test_there_may_be_no_readings(utilization):
    assert figures(utilization=utilization).timeline == ()


def test_a_long_timeline_is_thinned_to_means():
    readings = [moment(t, worker_cpu_percent=float(t)) for t in range(2 * MOMENTS + 1)]
    found = timeline(*readings)
    assert len(found) == 201
    assert (found[0].t_s, found[0].worker_cpu_percent) == (2.0, 1.0)


def test_means_are_of_what_is_known():
    run = [
        Moment(1.0, "build", None, None),
        Moment(2.0, "build", 100.0, None, (50.0,)),
        Moment(3.0, "timed", 50.0, None, (100.0,)),
    ]
    assert thinned(run, 1) == (Moment(3.0, "timed", 75.0, None, (75.0,)),)
    assert thinned(run, 3) == tuple(run)
    assert [one.t_s for one in thinned(run, 2)] == [2.0, 3.0]


@pytest.mark.parametrize(
    ("utilization", "stated"),
    [
        ({"timeline": 3}, r"utilization\.timeline: Input should be a valid list"),
        (
            {"timeline": [moment(1.0), moment(-1.0)]},
            r"utilization\.timeline\[1\]\.t_s: Input should be greater",
        ),
        (
            {"timeline": [moment(1.0, worker_cpu_percent=float("nan"))]},
            r"utilization\.timeline\[0\]\.worker_cpu_percent: Input should be a finite",
        ),
        ({"timeline": [{"t_s": 1.0}]}, r"timeline\[0\]\.stage: Field required$"),
        ({"timeline": [moment(1.0, gpus=[3])]}, r"timeline\[0\]\.gpus\[0\]: Input"),
        (
            {"timeline": [moment(1.0, gpus=[{}] * (MOST_GPUS + 1))]},
            r"timeline\[0\]\.gpus: List should have at most 64 items",
        ),
    ],
)
def test_edited_readings_are_named(utilization, stated):
    with pytest.raises(ValidationError) as caught:
        record(utilization=utilization)
    assert re.search(stated, fault(caught.value))


@pytest.mark.parametrize(
    ("samples", "stated"),
    [
        (
            [0.0, 0.0],
            r"^timing\.samples_s: the median step takes 0 s: expected 1e-12 to",
        ),
        ([1e10], r"^timing\.samples_s: the median step takes 1e\+10 s: expected"),
        ([1.0, 1.0, 1e99], r"^timing\.samples_s: the mean step takes 3.33333e\+98 s"),
    ],
)
def test_times_that_nothing_can_take_are_refused(samples, stated):
    edited = record().model_dump()
    edited["timing"]["samples_s"] = [samples]
    with pytest.raises(ValueError, match=stated):
        extract(type(record()).model_validate(edited))


def test_an_epoch_of_no_time_is_refused():
    edited = training().model_dump()
    edited["tta"]["s_per_epoch"] = 0.0
    with pytest.raises(ValueError, match=r"^tta\.s_per_epoch: an epoch takes 0 s"):
        extract(type(record()).model_validate(edited))


@pytest.mark.parametrize(
    ("changes", "stated"),
    [
        (
            {"model": "other"},
            r"^case_id is 'asr-inference/ds2-small/fp32/eager/cpu/b1',",
        ),
        ({"batch_size": 2}, r"but its parts make 'asr-inference/ds2-small/.*/cpu/b2'$"),
        ({"model": "<b>"}, r"^'<b>' cannot stand in a case id"),
        ({"hardware": "tpu"}, r"^unknown hardware 'tpu'"),
        ({"batch_size": 0}, r"^batch size 0 in"),
        ({"options": {"beam": "4"}}, r"but its parts make '.*/b1/beam=4'$"),
    ],
)
def test_a_case_that_contradicts_its_id_is_refused(changes, stated):
    with pytest.raises(ValueError, match=stated):
        extract(record(**changes))


def test_texts_are_made_fit_to_be_shown():
    found = figures(
        warnings=["a\x1b[0m", "b" * 1000],
        details=DETAILS | {"corpus_checksum": "\x00"},
        accuracy=accuracy(**{"we\x07r": metric()}),
        kernels=kernels(kernel("mat\x1bmul", 1.0, 100.0)),
        utilization={"timeline": [moment(1.0, stage="s\x00")]},
    )
    assert found.warnings[0] == "a\ufffd[0m"
    assert len(found.warnings[1]) == 300
    assert found.corpus == "\ufffd"
    assert list(found.metrics) == ["we\ufffdr"]
    assert list(found.logged.time_s) == [("mat\ufffdmul", "forward")]
    assert found.timeline[0].stage == "s\ufffd"


def test_of_many_warnings_the_first_are_kept_and_the_rest_are_counted():
    texts = [f"warning {number}" for number in range(MOST_WARNINGS + 3)]
    assert figures(warnings=texts[:MOST_WARNINGS]).warnings == tuple(texts[:100])
    expected = (*texts[:100], "3 further warnings stand in the file")
    assert figures(warnings=texts).warnings == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"hardware": "x" * 10**6},
        {"model": "y" * 10**6},
        {"case_id": "z" * 10**6},
        {"options": {"beam": "4" * 10**6}},
    ],
)
def test_what_is_wrong_with_a_case_is_stated_shortly(changes):
    with pytest.raises(ValueError, match=r"^[ -~]{1,600}$"):
        extract(record(**changes))


def test_an_extract_keeps_no_record():
    whole = training()
    kept, reference = extract(whole), weakref.ref(whole)
    del whole
    gc.collect()
    assert reference() is None
    assert kept.status == "ok"
