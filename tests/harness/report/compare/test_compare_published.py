from dataclasses import replace

import pytest

from benchmarks.bench_asr_training import LIBRISPEECH_TARGETS, WORKLOAD
from harness.plan import discover
from harness.report.compare.published import published_times
from harness.workload import Published, Target

MINUTE_S = 60.0


def times(machine, setting):
    found = [
        time
        for time in published_times([WORKLOAD], {"asr-training"})
        if (time.machine, time.setting) == (machine, setting)
    ]
    return {
        (time.metric, time.level): time.tta_s and time.tta_s / MINUTE_S
        for time in found
    }


def levels(*minutes, wer=(0.22, 0.202, 0.192)):
    keys = [("cer", 0.10), ("cer", 0.08), ("cer", 0.07), *(("wer", w) for w in wer)]
    return dict(zip(keys, minutes, strict=True))


@pytest.mark.parametrize(
    ("machine", "batch_size", "minutes"),
    [
        ("Sys1$", 96, (820, 1641, 2450, 1908, 2174, 2725)),
        ("Sys2$", 240, (672, 1118, 2429, 1251, 1980, 2834)),
        ("Sys10$", 300, (511, 974, None, 1143, 2840, None)),
    ],
)
def test_each_machines_own_batch_has_the_documents_minutes(
    machine, batch_size, minutes
):
    assert times(machine, f"batch {batch_size}, beam 256") == levels(*minutes)


@pytest.mark.parametrize(
    ("machine", "minutes"),
    [
        ("Sys1$", (771, 1291, 2322, 1806, 2322, 2322)),
        ("Sys2$", (791, 1571, 2091, 1571, 2091, 2352)),
        ("Sys10$", (479, 879, 1600, 1197, 1600, 2078)),
    ],
)
def test_equal_batches_have_the_documents_minutes(machine, minutes):
    found = times(machine, "equal batch 96, beam 64")
    assert found == levels(*minutes, wer=(0.22, 0.20, 0.19))


def test_nothing_else_was_published():
    found = published_times([WORKLOAD], {"asr-training"})
    assert len(found) == 2 * 3 * 6
    assert {time.batch_size for time in found} == {96, 240, 300}
    assert {(time.workload, time.model, time.compression) for time in found} == {
        ("asr-training", "ds2-paper", "fp32")
    }
    assert {time.source for time in found} == {
        "Baunsgaard, Wrede, Tözün: Training for Speech Recognition on Co-processors"
    }


def test_the_published_levels_are_those_that_librispeech_is_trained_to():
    targets = [time.target for time in WORKLOAD.published[:6]]
    assert tuple(targets) == LIBRISPEECH_TARGETS


def test_only_workloads_that_are_compared_show_what_was_published():
    mark = Published("m", "s", "bf16", 8, "as is", Target("wer", 0.5), 60.0, "book")
    other = replace(WORKLOAD, name="other", published=(mark,))
    (time,) = published_times([WORKLOAD, other], {"other"})
    assert (time.machine, time.workload, time.model) == ("m", "other", "s")
    assert (time.compression, time.batch_size) == ("bf16", 8)
    assert (time.setting, time.source) == ("as is", "book")
    assert (time.metric, time.level, time.tta_s) == ("wer", 0.5, 60.0)


def test_workloads_that_tell_no_errors_say_so():
    silent = {each.name for each in discover() if not each.tells_errors}
    assert silent == {"asr-features", "asr-input", "asr-step", "spoof-frontend"}
