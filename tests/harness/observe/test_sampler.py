import os
import subprocess
import sys

import pytest

from harness.observe.cpu import MachineTimes, ProcessTree, TreeUsage
from harness.observe.energy import EnergyMeter
from harness.observe.gpu import GpuReading, Nvml
from harness.observe.sampler import Clocks, Sampler, Sensors, real_sensors
from harness.observe.timeline import GpuSummary


class Machine:
    """A made-up machine of two cores on a made-up clock.

    The worker keeps one and a half cores busy until it dies at `dies_s`.
    """

    def __init__(self, dies_s=float("inf")):
        self.now_s = 100.0
        self.dies_s = dies_s
        self.cost_per_wait_s = 0.001
        self.thread_s = 0.0
        self.stop_after = 5
        self.actions = {}
        self.waits = []
        self.joule_calls = 0

    @property
    def age_s(self):
        return self.now_s - 100.0

    def worker(self):
        if self.age_s >= self.dies_s:
            return None
        return TreeUsage(1.5 * self.age_s, int(1000 + 100 * self.age_s), 1)

    def machine(self):
        return MachineTimes(1.6 * self.age_s, 0.4 * self.age_s, 0.0)

    def gpus(self):
        return (GpuReading(0, 50.0 + self.age_s, int(self.age_s), 200.0, None, 1, ()),)

    def joules(self):
        self.joule_calls += 1
        return 30.0 * self.age_s

    def wait(self, event, timeout_s):
        self.waits.append(round(timeout_s, 6))
        if event.is_set() or len(self.waits) > self.stop_after:
            return True
        self.now_s += timeout_s
        self.thread_s += self.cost_per_wait_s
        for action in self.actions.get(len(self.waits), ()):
            action()
        return False

    def sampler(self, rate_hz=1.0):
        sensors = Sensors(self.worker, self.machine, self.gpus, self.joules)
        clocks = Clocks(lambda: self.now_s, lambda: self.thread_s, self.wait)
        return Sampler(0, rate_hz, sensors, clocks)


def test_percentages_are_of_one_core_for_the_worker_and_of_all_for_the_machine():
    machine = Machine()
    sampler = machine.sampler()
    sampler.run()
    (first, *_) = sampler.stop().timeline
    assert (first.worker_cpu_percent, first.machine_cpu_percent) == (150.0, 80.0)
    assert (first.t_s, first.rss_bytes) == (1.0, 1100)


@pytest.mark.parametrize("rate_hz", [1.0, 5.0])
def test_the_rate_sets_the_time_between_samples(rate_hz):
    machine = Machine()
    sampler = machine.sampler(rate_hz)
    sampler.run()
    seen = sampler.stop()
    assert machine.waits == [pytest.approx(1 / rate_hz)] * 6
    assert seen.sampler_hz == pytest.approx(rate_hz)
    assert seen.seconds == pytest.approx(5 / rate_hz)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, 10.5])
def test_a_rate_beyond_the_limit_is_refused(rate_hz):
    with pytest.raises(ValueError, match=f"rate_hz is {rate_hz:g}: choose .* 10"):
        Machine().sampler(rate_hz)


def test_the_sampler_knows_its_own_cost():
    machine = Machine()
    sampler = machine.sampler()
    sampler.run()
    # 5 waits of 1 s at 1 ms of its thread's time each.
    assert sampler.stop().sampler_cost_percent == pytest.approx(0.1)


def test_a_mark_costs_too():
    machine = Machine()
    sampler = machine.sampler()
    machine.now_s += 1.0

    def joules_at_a_price():
        machine.thread_s += 0.02
        return 0.0

    object.__setattr__(sampler._sensors, "joules", joules_at_a_price)
    sampler.mark("timed")
    assert sampler.stop().sampler_cost_percent == pytest.approx(2.0)


def test_stages_end_at_their_marks_and_not_at_samples():
    machine = Machine()
    sampler = machine.sampler()

    def mark_late():
        machine.now_s += 0.25
        sampler.mark("timed")

    machine.actions = {2: [mark_late]}
    sampler.run()
    start, timed = sampler.stop().stages
    assert (start.stage, start.start_s, start.seconds) == ("start", 0.0, 2.25)
    assert (timed.stage, timed.start_s) == ("timed", 2.25)
    assert (start.samples, timed.samples) == (1, 4)
    assert start.worker_cpu_percent == timed.worker_cpu_percent == pytest.approx(150.0)
    assert timed.machine_cpu_percent == pytest.approx(80.0)
    assert start.joules == pytest.approx(30 * 2.25)


def test_each_sample_names_its_stage():
    machine = Machine()
    sampler = machine.sampler()
    machine.actions = {3: [lambda: sampler.mark("warmup")]}
    sampler.run()
    stages = [sample.stage for sample in sampler.stop().timeline]
    assert stages == ["start", "start", "warmup", "warmup", "warmup"]


def test_a_stage_keeps_its_highest_memory():
    machine = Machine()
    sampler = machine.sampler()
    sampler.run()
    (stage,) = sampler.stop().stages
    assert stage.sampled_peak_rss_bytes == 1500


def test_gpus_are_summed_up_per_stage():
    machine = Machine()
    machine.stop_after = 3
    sampler = machine.sampler()
    sampler.run()
    (stage,) = sampler.stop().stages
    assert stage.gpus == (GpuSummary(0, 52.0, 200.0, 3),)


def test_the_workers_death_leaves_gaps_and_no_error():
    machine = Machine(dies_s=2.5)
    sampler = machine.sampler()
    sampler.run()
    seen = sampler.stop()
    percents = [sample.worker_cpu_percent for sample in seen.timeline]
    assert percents == [150.0, 150.0, None, None, None]
    assert [sample.rss_bytes for sample in seen.timeline][2:] == [None] * 3
    assert seen.timeline[-1].machine_cpu_percent == pytest.approx(80.0)
    # 3 s of processor time were seen in 5 s.
    assert seen.stages[0].worker_cpu_percent == pytest.approx(60.0)


def test_a_stage_after_the_workers_death_has_no_processor_time():
    machine = Machine(dies_s=0.5)
    sampler = machine.sampler()
    machine.now_s += 1.0
    sampler.mark("late")
    machine.now_s += 1.0
    late = sampler.stop().stages[1]
    assert (late.worker_cpu_percent, late.sampled_peak_rss_bytes) == (None, None)


def test_after_a_stall_sampling_goes_on_from_there():
    machine = Machine()
    sampler = machine.sampler()

    def stall():
        machine.now_s += 2.5

    machine.actions = {2: [stall]}
    sampler.run()
    sampler.stop()
    assert machine.waits == [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]


def test_energy_is_read_often_enough_for_a_counter_that_wraps():
    machine = Machine()
    machine.stop_after = 61
    sampler = machine.sampler()
    sampler.run()
    assert machine.joule_calls == 1 + 2  # at the start, after 30 s, after 60 s


def test_real_sensors_take_gpus_and_energy_only_when_given(tmp_path, fake_nvml):
    bare = real_sensors(ProcessTree(os.getpid()))
    assert (bare.gpus(), bare.joules()) == ((), None)
    nvml = Nvml(library=fake_nvml())
    whole = real_sensors(
        ProcessTree(os.getpid()), nvml, EnergyMeter(nvml, root=tmp_path)
    )
    assert (len(whole.gpus()), whole.joules()) == (1, 0.0)


def test_a_real_worker_is_watched_over_its_end():
    worker = subprocess.Popen([sys.executable, "-c", "sum(range(3_000_000))"])
    sampler = Sampler(worker.pid, rate_hz=10.0)
    sampler.start()
    sampler.mark("timed")
    worker.wait()
    seen = sampler.stop()
    assert [stage.stage for stage in seen.stages] == ["start", "timed"]
    assert seen.stages[0].sampled_peak_rss_bytes > 0
    assert seen.sampler_cost_percent > 0
