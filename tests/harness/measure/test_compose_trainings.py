"""What a clocked training becomes: a record of its epochs."""

import math
from dataclasses import replace

from outcomes import (
    TRAINING_CASE,
    WORK,
    joules,
    point,
    record,
    target,
    training_outcome,
)


def training_record(*outcomes):
    return record(*outcomes, case=TRAINING_CASE)


def test_the_joules_of_a_resumed_training_are_not_known_and_its_gap_is_stated():
    ended = training_outcome(point(1, 0.9), resumed=2)
    found = training_record(replace(ended, seen=joules(9.0)))
    energy = found.energy
    assert (energy.joules, energy.joules_per_audio_hour) == (None, None)
    assert (energy.source, energy.idle_watts) == ("none", 3.0)
    expected = "the run was resumed: its earlier part was measured by nobody"
    assert energy.reason == expected
    assert found.warnings == [
        "resumed 2 times: sensors saw only the last part; its clock ran on from the "
        "checkpoint, and what came after that before the kill is not counted"
    ]


def test_the_joules_of_an_uninterrupted_training_are_its_own():
    ended = training_outcome(point(1, 0.9))
    found = training_record(replace(ended, seen=joules(9.0)))
    assert (found.energy.joules, found.warnings) == (9.0, [])


def test_a_training_is_a_record_of_epochs():
    points = [point(1, 0.9), point(2, 0.5), point(3, 0.4)]
    targets = [target(0.5, 10.0, 3), target(0.1, None, None)]
    found = training_record(training_outcome(*points, targets=targets))
    assert found.stage == "train"
    assert found.timing.samples_s == [[2.0, 2.0, 2.0]]
    assert found.timing.rtfx == WORK["audio_s"] * 3 / 6.0
    assert [t.tta_s for t in found.tta.targets] == [10.0, None]
    assert [p.errors["cer"] for p in found.tta.curve] == [0.9, 0.5, 0.4]
    assert (found.tta.seed, found.tta.prepare_s, found.tta.window_epochs) == (7, 0.5, 3)


def test_a_training_has_no_warm_up_and_no_latency():
    timing = training_record(training_outcome(point(1, 0.9))).timing
    assert (timing.warmup_s, timing.steady, timing.latency_ms) == (None, None, None)


def test_shares_of_states_add_up_to_the_whole():
    shares = training_record(training_outcome(point(1, 0.9))).tta.state_share_percent
    assert shares == {"create": 10.0, "train": 60.0, "evaluate": 30.0}


def test_a_training_without_one_epoch_is_a_failed_record_with_its_limits():
    found = training_record(training_outcome(total_s=31.0))
    assert (found.status, found.timing, found.tta) == ("failed", None, None)
    assert found.reason == (
        "not one epoch ended within 31 s (the profile smoke gives 30 s); use a longer "
        "profile or a smaller corpus"
    )


def test_a_training_that_diverged_keeps_its_record_and_says_so():
    points = [point(1, 0.9), point(2, 1.0, math.nan), point(3, 1.0, math.inf)]
    found = training_record(training_outcome(*points))
    assert [p.loss for p in found.tta.curve] == [1.0, None, None]
    assert found.warnings == [
        "the training diverged: its loss is nan from epoch 2 on (2 of 3 epochs, null "
        "in the curve); use another seed, a wider precision or a lower learning rate"
    ]


def test_a_validation_loss_that_is_no_number_is_null_and_stated():
    points = [point(1, 0.9), point(2, 1.0, 1.0, math.nan)]
    found = training_record(training_outcome(*points))
    assert found.status == "ok"
    assert [p.validation_loss for p in found.tta.curve] == [1.5, None]
    assert found.warnings == [
        "the training diverged: its validation loss is nan from epoch 2 on (1 of 2 "
        "epochs, null in the curve); use another seed, a wider precision or a lower "
        "learning rate"
    ]
