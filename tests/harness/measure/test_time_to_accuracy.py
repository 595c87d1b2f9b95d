import pytest
from toy import Event

from harness.measure.time_to_accuracy import EpochPoint, Reached, clock_training
from harness.measure.time_to_accuracy import reached as where_reached
from harness.workload import Target

HALF = Target("cer", 0.5)
NEVER = Target("cer", 0.0)
FOREVER_S = 1e9


class Clock:
    """Time that passes only when the training says so."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def training(clock, errors, first=1, create_s=2.0):
    """Per epoch: two steps of 3 and 1 s, then 1 s of evaluation; 5 s in all."""

    def take(seconds, *event, **facts):
        clock.now_s += seconds
        return Event(*event, **facts)

    def events(save):
        events.save = save
        clock.now_s += create_s  # the model is created when first advanced
        for epoch, error in enumerate(errors, start=first):
            yield take(0.0, "state", "train", epoch)
            yield take(3.0, "step", "train", epoch)
            yield take(1.0, "step", "train", epoch)
            yield take(0.0, "state", "evaluate", epoch)
            facts = {
                "loss": 9.0 / epoch,
                "validation_loss": 6.0 / epoch,
                "values": {"cer": error},
            }
            yield take(1.0, "epoch", "evaluate", epoch, **facts)

    return events


def clocked(errors, targets=(HALF,), budget_s=FOREVER_S, most=None, **options):
    clock = Clock()
    events = training(clock, errors, **options)
    return clock_training(events, targets, budget_s, clock, most_epochs=most)


def curve(*errors):
    return [
        EpochPoint(i, 10.0 * i, 8.0, None, None, {"cer": e})
        for i, e in enumerate(errors)
    ]


def test_a_target_is_reached_at_the_end_of_the_epoch_that_completes_its_window():
    run = clocked([0.5, 0.5, 0.5, 0.5])
    assert run.targets == (Reached("cer", 0.5, True, 17.0, 3),)
    assert len(run.curve) == 3


def test_one_lucky_epoch_does_not_end_the_race():
    run = clocked([0.9, 0.1, 0.9, 0.9, 0.4, 0.4])
    assert run.targets == (Reached("cer", 0.5, True, 32.0, 6),)


def test_one_unlucky_epoch_does_not_delay_it():
    assert clocked([0.4, 0.4, 0.9]).targets == (Reached("cer", 0.5, True, 17.0, 3),)


def test_two_good_epochs_are_too_few_for_a_median_of_three():
    assert clocked([0.1, 0.1]).targets == (Reached("cer", 0.5, False, None, None),)


@pytest.mark.parametrize(("window", "at_s"), [(1, 10.0), (3, 30.0), (5, None)])
def test_the_window_says_how_many_epochs_the_median_takes(window, at_s):
    found = where_reached(curve(0.9, 0.1, 0.9, 0.1), HALF, window)
    assert found.tta_s == at_s


def test_a_miss_is_never_a_number():
    run = clocked([0.9] * 4)
    assert run.targets == (Reached("cer", 0.5, False, None, None),)
    assert run.total_s == 22.0


def test_the_run_ends_with_the_last_of_its_targets():
    run = clocked([0.5, 0.5, 0.5, 0.25, 0.25, 0.1], [HALF, Target("cer", 0.25)])
    assert [(t.tta_s, t.epochs_to_target) for t in run.targets] == [
        (17.0, 3),
        (27.0, 5),
    ]
    assert len(run.curve) == 5


def test_each_target_looks_at_its_own_metric():
    points = [
        EpochPoint(i, float(i), 1.0, None, None, {"cer": 0.1, "wer": 0.9})
        for i in (1, 2, 3)
    ]
    assert where_reached(points, Target("cer", 0.1)).reached
    assert not where_reached(points, Target("wer", 0.1)).reached


def test_the_clock_starts_before_the_model_is_created():
    slow, quick = (clocked([0.5] * 3, create_s=s) for s in (30.0, 0.0))
    assert (slow.targets[0].tta_s, quick.targets[0].tta_s) == (45.0, 15.0)
    assert slow.state_s["create"] == 30.0


def test_a_training_that_counts_its_epochs_ends_with_the_last_of_them():
    run = clocked([0.9, 0.5, 0.5, 0.1, 0.1], [HALF, NEVER], most=4)
    assert [point.epoch for point in run.curve] == [1, 2, 3, 4]
    assert [target.reached for target in run.targets] == [True, False]
    assert run.total_s == 22.0


def test_a_training_that_counts_its_epochs_ends_before_where_all_is_reached():
    assert len(clocked([0.5] * 9, most=8).curve) == 3


def test_a_budget_spent_within_an_epoch_leaves_that_epoch_out():
    run = clocked([0.9] * 10, budget_s=10.0)
    assert [p.end_s for p in run.curve] == [7.0]
    assert run.total_s == 10.0


def test_a_target_met_beyond_the_budget_is_a_miss():
    run = clocked([0.5] * 3, budget_s=16.5)  # the third evaluation ends at 17 s
    assert run.targets == (Reached("cer", 0.5, False, None, None),)
    assert [p.end_s for p in run.curve] == [7.0, 12.0, 17.0]


def test_a_target_met_at_the_very_end_of_the_budget_is_met():
    assert clocked([0.5] * 3, budget_s=17.0).targets[0].tta_s == 17.0


def test_a_budget_too_short_for_an_epoch_gives_no_curve():
    run = clocked([0.5], budget_s=4.0)
    assert (run.curve, run.s_per_epoch) == ((), None)
    assert not run.targets[0].reached


def test_the_curve_tells_each_epochs_end_training_time_losses_and_errors():
    run = clocked([0.9, 0.8], [NEVER])
    assert run.curve == (
        EpochPoint(1, 7.0, 4.0, 9.0, 6.0, {"cer": 0.9}),
        EpochPoint(2, 12.0, 4.0, 4.5, 3.0, {"cer": 0.8}),
    )
    assert run.s_per_epoch == 6.0  # creation is a cost of the first epochs


def test_all_time_belongs_to_a_state():
    run = clocked([0.9, 0.9], [NEVER])
    assert run.state_s == {"create": 2.0, "train": 8.0, "evaluate": 2.0}
    assert sum(run.state_s.values()) == run.total_s


def test_states_are_stated_with_the_time_at_which_they_began():
    run = clocked([0.9, 0.9], [NEVER])
    assert run.states == (
        (0.0, "create"),
        (2.0, "train"),
        (6.0, "evaluate"),
        (7.0, "train"),
        (11.0, "evaluate"),
    )


def test_a_step_takes_the_time_since_the_step_or_state_before():
    assert clocked([0.9, 0.9], [NEVER]).step_s == (3.0, 1.0, 3.0, 1.0)


def test_whoever_watches_is_stated_of_each_event_with_its_time():
    clock, stated = Clock(), []
    events = training(clock, [0.9])
    clock_training(
        events,
        [HALF],
        FOREVER_S,
        clock,
        lambda event, at: stated.append((event.kind, at)),
    )
    assert stated == [
        ("state", 2.0),
        ("step", 5.0),
        ("step", 6.0),
        ("state", 6.0),
        ("epoch", 7.0),
    ]


def test_a_training_that_is_stopped_may_clean_up():
    cleaned = []

    def events(save):
        try:
            while True:
                yield Event("step")
        finally:
            cleaned.append(True)

    clock_training(events, [HALF], 0.0, Clock())
    assert cleaned == [True]


def save_at(clock, events, at_s):
    """What the stopwatch gave for a checkpoint once `at_s` had passed."""
    saved = []

    def look(event, seconds):
        if seconds >= at_s and not saved:
            clock.now_s += 0.5  # a checkpoint is written amid a state
            saved.append(events.save())

    clock_training(events, [NEVER], FOREVER_S, clock, look)
    return saved[0]


def resumed(saved, errors, targets, first):
    """A later process, whose clock reads something else altogether."""
    clock = Clock()
    clock.now_s = 5.0
    rest = training(clock, errors, first, create_s=0.0)

    def events(save):
        clock.now_s += 4.0  # the model is loaded again
        yield Event("resumed", notes=saved)
        yield from rest(save)

    return clock_training(events, targets, FOREVER_S, clock)


def test_a_resumed_training_goes_on_with_its_curve_and_its_clock():
    clock = Clock()
    saved = save_at(clock, training(clock, [0.5, 0.5]), 12.0)
    run = resumed(saved, [0.5], [HALF], first=3)
    assert run.targets == (Reached("cer", 0.5, True, 12.5 + 4.0 + 5.0, 3),)
    assert [(p.epoch, p.end_s, p.train_s) for p in run.curve] == [
        (1, 7.0, 4.0),
        (2, 12.0, 4.0),
        (3, 21.5, 4.0),
    ]
    assert (run.total_s, run.resumed) == (21.5, 1)


def test_a_resumed_training_keeps_its_states_and_steps():
    clock = Clock()
    saved = save_at(clock, training(clock, [0.9]), 7.0)
    run = resumed(saved, [0.9], [NEVER], first=2)
    assert run.state_s == {"create": 2.0 + 4.0, "train": 8.0, "evaluate": 1.0 + 0.5 + 1}
    assert sum(run.state_s.values()) == run.total_s == 16.5
    assert run.states[:3] == ((0.0, "create"), (2.0, "train"), (6.0, "evaluate"))
    # What the second process did before it trained on is creation, no evaluation.
    assert run.states[3:] == ((7.5, "create"), (11.5, "train"), (15.5, "evaluate"))
    assert run.step_s == (3.0, 1.0, 3.0, 1.0)


def test_an_epoch_interrupted_by_a_kill_counts_its_training_before_and_after():
    clock = Clock()
    saved = save_at(clock, training(clock, [0.9]), 5.0)  # after the step of 3 s
    run = resumed(saved, [0.9], [NEVER], first=1)
    assert run.curve[0].train_s == 3.0 + 0.5 + 4.0


def test_resuming_twice_is_counted_twice():
    clock = Clock()
    saved = save_at(clock, training(clock, [0.9]), 7.0)
    assert resumed(saved | {"resumed": 1}, [0.9], [NEVER], first=2).resumed == 2


SIX_DB = Target("si_sdr", 6.0, "higher")


def curve_of_db(*values):
    return [
        EpochPoint(i, 10.0 * i, 8.0, None, None, {"si_sdr": v})
        for i, v in enumerate(values, 1)
    ]


def test_a_level_of_which_higher_is_better_is_reached_from_below():
    rising = curve_of_db(-2.0, 7.0, 5.0, 6.0, 8.0)
    assert where_reached(rising, SIX_DB) == Reached(
        "si_sdr", 6.0, True, 40.0, 4, "higher"
    )
    falling = curve_of_db(5.9, 5.0, 4.0, -6.0)
    assert where_reached(falling, SIX_DB) == (
        Reached("si_sdr", 6.0, False, None, None, "higher")
    )


def test_a_level_below_0_is_a_level_as_any_other():
    target = Target("si_sdr", -3.0, "higher")
    points = curve_of_db(-20.0, -2.0, -2.5, -3.0)
    assert where_reached(points, target).epochs_to_target == 3
