"""What several workers did, as one result and one record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from outcomes import SEEN, outcome, record

from harness.measure.instances.shares import Share
from harness.measure.instances.together import together
from harness.measure.instances.windows import Stretch, Window, WindowSeries
from harness.measure.outcome import CaseOutcome, Outcome
from harness.measure.results import InstancesResult, OperationResult
from harness.measure.steady import WarmUp
from harness.profile import SMOKE
from harness.record.schema import Memory

SHARES = (Share(1, (0, 1), 0), Share(2, (2, 3), 1))


def worker(peak_bytes: int | None = 100, **changes: object) -> OperationResult:
    """One of them, at its end."""
    found = outcome(9.0).done
    assert isinstance(found, OperationResult)
    memory = Memory(peak_rss_bytes=peak_bytes, peak_device_bytes=None)
    return replace(found, memory=memory, **changes)  # type: ignore[arg-type]


def fast_and_slow(steps: int = 2) -> Window:
    """Ten seconds in which one made steps of 2 s, and the other of 4 s."""
    fast, slow = [2.0] * steps, [4.0] * steps
    return Window(10.0, (Stretch(fast, 2.0 * steps), Stretch(slow, 4.0 * steps)), 1)


def several(*windows: Window, spoiled: tuple[bool, ...] = ()) -> InstancesResult:
    drawing = WindowSeries(SMOKE, 1.0)
    bad = spoiled or (False,) * len(windows)
    for one, is_bad in zip(windows, bad, strict=True):
        drawing.add(one, is_bad, 1.0)
    return together(drawing, [worker(), worker(50)], SHARES)


def test_each_worker_has_its_own_samples_and_their_span() -> None:
    found = several(fast_and_slow(), fast_and_slow(1))
    fast, slow = found.instances
    assert (fast.samples_s, fast.span_s) == ([2.0] * 3, 6.0)
    assert (slow.samples_s, slow.span_s) == ([4.0] * 3, 12.0)
    assert (slow.number, slow.cpus, slow.node) == (2, (2, 3), 1)
    assert found.samples_s == [2.0, 2.0, 4.0, 4.0, 2.0, 4.0]
    assert (found.window_s, found.untimed_steps) == (20.0, 2)


def test_rates_add_up() -> None:
    assert several(fast_and_slow()).steps_per_s == pytest.approx(0.5 + 0.25)


def test_spoiled_windows_are_in_no_figure() -> None:
    found = several(fast_and_slow(1), fast_and_slow(2), spoiled=(True, False))
    assert found.spoiled_samples_s == [2.0, 4.0]
    assert [len(one.samples_s) for one in found.instances] == [2, 2]
    assert (found.window_s, found.spoiled) == (10.0, False)


def test_memory_adds_up_where_all_of_it_is_known() -> None:
    drawing = WindowSeries(SMOKE, 1.0)
    drawing.add(fast_and_slow(), False, 1.0)
    known = together(drawing, [worker(100), worker(50)], SHARES)
    assert known.memory.peak_rss_bytes == 150
    unknown = together(drawing, [worker(100), worker(None)], SHARES)
    assert unknown.memory.peak_rss_bytes is None


def test_they_are_warm_when_the_last_one_is_and_steady_if_each_is() -> None:
    drawing = WindowSeries(SMOKE, 1.0)
    drawing.add(fast_and_slow(), False, 1.0)
    ups = WarmUp(1.0, 10, True, 2.0), WarmUp(3.0, 20, False, None)
    found = together(drawing, [worker(warm_up=one) for one in ups], SHARES)
    assert found.warm_up == WarmUp(3.0, 30, False, 2.0)


def ended(*windows: Window) -> CaseOutcome:
    return Outcome("result", several(*windows), SEEN)


def test_a_record_counts_steps_and_seconds_of_all_processes_together() -> None:
    """Not the mean of rates: a process that ran longer says more."""
    found = record(ended(fast_and_slow(3)), ended(fast_and_slow(1)))
    assert found.instances is not None
    assert found.timing is not None
    assert found.instances.steps_per_s == pytest.approx([0.75, 0.75])
    assert [one.steps for one in found.instances.each] == [4, 4]
    rates = [one.throughput_items_per_s for one in found.instances.each]
    assert rates == pytest.approx([2 * 0.5, 2 * 0.25])
    assert found.timing.throughput_items_per_s == pytest.approx(1.5)
    assert found.timing.rtfx == found.instances.rtfx == pytest.approx(4.5)
    assert [one.median_s for one in found.instances.each] == [2.0, 4.0]
    assert found.instances.each[1].latency_ms.p50.n == 4


def test_samples_of_unlike_workers_are_no_drift() -> None:
    """One worker after the other, they would jump."""
    found = record(ended(fast_and_slow(20)))
    assert found.timing is not None
    assert [one.samples for one in found.timing.drift] == [20, 20]
    assert found.timing.steady


def test_joules_for_an_hour_of_audio_count_all_steps_of_all_workers() -> None:
    energy = replace(SEEN.energy, joules=400.0, source="rapl")
    seen = replace(SEEN, energy=energy)
    found = record(replace(ended(fast_and_slow()), seen=seen)).energy
    assert found is not None
    # 4 samples and an untimed step of 6 s of audio each
    assert found.joules_per_audio_hour == pytest.approx(400 / (5 * 6 / 3600))


def test_a_case_of_one_tells_of_no_instances() -> None:
    assert record(outcome(0.5)).instances is None
