import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.observe.host_speed import (
    FEWEST_READINGS,
    RUNS_KEPT,
    HostSpeed,
    machine_key,
)
from harness.observe.yardstick import Reading

READING = Reading(10.0, 4e8, 8e9, 0.01)


class FakeStick:
    def __init__(self, *rates):
        self._rates = iter(rates)

    def read(self):
        return replace(READING, registers_bytes_per_s=next(self._rates))


def speed(*rates, kept=None, run="this"):
    """Of a host that was read so often already."""
    one = HostSpeed(FakeStick(*rates), kept, run)
    for _ in rates:
        one.read()
    return one


def test_a_share_is_of_the_mean_of_its_readings_and_the_best():
    one = speed(*[4e8] * 20)
    slow = replace(READING, registers_bytes_per_s=2e8, memory_bytes_per_s=6e9)
    found = one.share(READING, replace(slow, at_unix_s=12.0))
    assert (found.registers, found.memory) == (0.75, 0.875)
    assert (found.registers_bytes_per_s, found.memory_bytes_per_s) == (3e8, 7e9)
    assert found.at_unix_s == 12.0


@pytest.mark.parametrize("at", [0, 7, 19])
def test_a_reading_that_was_fast_by_accident_sets_no_best(at):
    rates = [4e8] * 20
    rates[at] = 9e9
    assert speed(*rates).best.registers_bytes_per_s == 4e8


def test_the_best_of_an_earlier_run_holds_for_later_ones(tmp_path):
    kept = tmp_path / "deep" / "best.json"
    speed(*[4e8] * 9, kept=kept, run="fast").save()
    slow = speed(*[2e8] * 9, kept=kept)
    assert slow.best.registers_bytes_per_s == 4e8
    assert slow.share(slow.readings[0]).registers == 0.5


def test_a_run_is_kept_once_however_often_it_is_saved(tmp_path):
    kept = tmp_path / "best.json"
    one = speed(*[4e8] * 9, kept=kept)
    one.save()
    one.save()
    (run,) = json.loads(kept.read_text())["runs"]
    assert (run["run"], run["readings"]) == ("this", 9)


def test_a_few_readings_set_no_best_for_others(tmp_path):
    kept = tmp_path / "best.json"
    speed(*[4e8] * (FEWEST_READINGS - 1), kept=kept).save()
    assert not kept.exists()


def test_a_best_is_forgotten_after_as_many_runs_as_are_kept(tmp_path):
    kept = tmp_path / "best.json"
    speed(*[9e8] * 9, kept=kept, run="before").save()
    for run in range(RUNS_KEPT):
        speed(*[4e8] * 9, kept=kept, run=str(run)).save()
    assert speed(*[4e8] * 9, kept=kept).best.registers_bytes_per_s == 4e8


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format_version": 2, "runs": 5}',
        '{"format_version": 3, "runs": []}',
        '{"format_version": 2, "runs": [7, {"run": "a"}, {"run": "b", '
        '"registers_bytes_per_s": NaN, "memory_bytes_per_s": 1e9, '
        '"handovers_per_s": 0, "memory_apart_bytes_per_s": 0}]}',
    ],
)
def test_a_damaged_cache_is_as_good_as_none(tmp_path, text):
    kept = tmp_path / "best.json"
    kept.write_text(text)
    one = speed(*[4e8] * 9, kept=kept)
    assert one.best.registers_bytes_per_s == 4e8
    one.save()
    assert len(json.loads(kept.read_text())["runs"]) == 1


def test_a_cache_that_cannot_be_written_costs_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    one = speed(*[4e8] * 9, kept=tmp_path / "file" / "best.json")
    one.save()
    assert one.best.registers_bytes_per_s == 4e8


@pytest.mark.parametrize(("good", "mostly_slow"), [(0, True), (4, True), (5, False)])
def test_a_host_is_mostly_slow_with_few_good_readings_among_the_latest(
    good, mostly_slow
):
    rates = [4e8] * 30 + [2e8] * (20 - good) + [4e8] * good
    assert speed(*rates).is_mostly_slow is mostly_slow


# Cores together, and apart: a host that moves a guest's CPUs

NEAR = replace(READING, memory_bytes_per_s=30e9, handovers_per_s=60e6)
FAR = replace(READING, memory_bytes_per_s=50e9, handovers_per_s=13e6)


def of_readings(*readings, kept=None, run="this"):
    return HostSpeed(FakeStick(), kept, run, readings=list(readings))


def test_memory_is_held_against_the_best_of_cores_that_lie_alike():
    one = of_readings(*[NEAR] * 10, *[FAR] * 10)
    near, far = one.share(NEAR, NEAR), one.share(FAR, FAR)
    assert (near.memory, near.handovers) == (1.0, 1.0)
    assert (far.memory, far.handovers) == (1.0, pytest.approx(13 / 60))
    assert (near.is_good, far.is_good) == (True, False)


def test_between_cores_the_slower_end_of_a_span_counts():
    found = of_readings(*[NEAR] * 10).share(NEAR, FAR)
    assert found.handovers_per_s == 13e6
    assert not found.is_good


def test_a_run_whose_cores_lay_apart_sets_no_best_for_those_together(tmp_path):
    kept = tmp_path / "best.json"
    of_readings(*[FAR] * 9, kept=kept, run="apart").save()
    near = of_readings(*[NEAR] * 9, kept=kept)
    assert near.best.memory_bytes_per_s == 30e9
    assert near.best.memory_apart_bytes_per_s == 50e9
    assert near.share(NEAR).memory == 1.0


def test_a_run_keeps_its_own_rate_between_cores_and_not_an_earlier_ones(tmp_path):
    kept = tmp_path / "best.json"
    of_readings(*[NEAR] * 9, kept=kept, run="near").save()
    of_readings(*[FAR] * 9, kept=kept, run="far").save()
    near, far = json.loads(kept.read_text())["runs"]
    assert (near["handovers_per_s"], far["handovers_per_s"]) == (60e6, 13e6)


def test_a_machine_whose_cores_always_lie_apart_is_at_its_best():
    one = of_readings(*[FAR] * 9)
    assert one.share(FAR).is_good


def test_a_single_cpu_hands_over_to_nobody():
    one = of_readings(*[READING] * 9)
    found = one.share(READING)
    assert (found.handovers, found.memory, found.is_good) == (None, 1.0, True)


def test_cores_that_lie_apart_most_of_the_time_are_a_host_that_is_mostly_slow():
    assert of_readings(*[NEAR] * 9, *[FAR] * 20).is_mostly_slow
    assert not of_readings(*[FAR] * 20, *[NEAR] * 9).is_mostly_slow


def test_a_look_tells_of_the_cores(tmp_path):
    kept = tmp_path / "best.json"
    of_readings(*[NEAR] * 9, kept=kept, run="before").save()
    stick = SimpleNamespace(read=lambda: FAR)
    now = HostSpeed(stick, kept, "now").now(3, lambda _: None)
    assert now.handovers == pytest.approx(13 / 60)


def test_a_few_readings_do_not_tell_what_is_most():
    one = speed(2e8, 2e8, 2e8)
    one.readings.insert(0, replace(READING, registers_bytes_per_s=4e8))
    assert not one.is_mostly_slow


def test_other_cpus_or_another_machine_have_a_best_of_their_own(write, tmp_path):
    write("proc/cpuinfo", "model name\t: A\nstepping\t: 1\n\nprocessor\t: 1\n")
    write("etc/machine-id", "abc\n")
    one = machine_key([0, 1], tmp_path)
    assert machine_key([1, 0], tmp_path) == one
    others = [machine_key([0], tmp_path)]
    write("etc/machine-id", "abd\n")
    others.append(machine_key([0, 1], tmp_path))
    write("proc/cpuinfo", "model name\t: B\nstepping\t: 1\n")
    others.append(machine_key([0, 1], tmp_path))
    assert len({one, *others}) == 4


def test_a_look_at_the_host_is_of_the_best_of_earlier_runs(tmp_path):
    kept = tmp_path / "best.json"
    speed(*[4e8] * 9, kept=kept, run="before").save()
    one = HostSpeed(FakeStick(2e8, 3e8, 4e8), kept, "now")
    slept = []
    now = one.now(3, slept.append)
    assert (now.registers, now.lowest, now.highest, now.known) == (0.75, 0.5, 1.0, True)
    assert now.memory == 1.0
    assert len(slept) == 3


def test_without_earlier_runs_the_best_is_of_this_moment():
    assert not HostSpeed(FakeStick(2e8, 3e8)).now(2, lambda _: None).known
