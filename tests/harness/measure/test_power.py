from types import SimpleNamespace

import pytest

from harness.measure import power
from harness.measure.power import Found, Power, host_power
from harness.observe.host_speed import HostSpeed
from harness.observe.yardstick import Reading, Yardstick, real_kernels


def stick(share):
    reading = Reading(0.0, 4e8 * share, 8e9, 0.01)
    return SimpleNamespace(read=lambda: reading)


def test_a_slower_host_is_found_as_often_as_its_segments_are_below_the_limit():
    speed = HostSpeed(stick(1.0))
    sticks = {0.0: stick(1.0), 10.0: stick(0.9), 20.0: stick(0.8)}
    found, seconds = host_power(speed, sticks, 7)
    assert [(one.slow_percent, one.found, one.trials) for one in found] == [
        (0.0, 0, 7),
        (10.0, 0, 7),
        (20.0, 7, 7),
    ]
    assert [one.registers for one in found] == pytest.approx([1.0, 0.9, 0.8])
    assert seconds == 0.01


@pytest.mark.parametrize("percent", [5.0, 50.0])
def test_a_slower_host_is_more_work_at_the_same_count(monkeypatch, percent):
    done = []
    monkeypatch.setattr("hashlib.blake2b", lambda block: done.append(len(block)))
    for slow in (0.0, percent):
        real_kernels(1, slow).registers()
    assert done[0] / done[1] == pytest.approx(1 - percent / 100, rel=1e-3)
    kernels = real_kernels(1, percent)
    assert kernels.memory(0) is None


def test_a_real_slow_down_by_half_lowers_the_rate():
    quick, slow = (Yardstick([0], real_kernels(1, p)).read() for p in (0.0, 50.0))
    assert slow.registers_bytes_per_s < quick.registers_bytes_per_s


@pytest.mark.parametrize("percent", [0.0, 20.0])
def test_each_span_beside_a_busy_process_is_judged(monkeypatch, percent):
    beside = []
    monkeypatch.setattr(power, "_shows", lambda tree: tree.read() is not None)
    monkeypatch.setattr(power, "STARTING_S", 0.0)
    real = power.neighbour
    monkeypatch.setattr(
        power, "neighbour", lambda *times: beside.append(times) or real(*times)
    )
    assert power._found_beside(percent, 0) == power.BESIDE_TRIALS
    assert len(beside) == (2 if percent else 1)
    if percent:
        assert beside[1] == (pytest.approx(0.004), pytest.approx(0.016), 0)


def test_the_lines_tell_cost_power_and_false_alarms():
    stated = Power(0.009, (Found(0.0, 1, 40), Found(20.0, 39, 40)), (Found(5.0, 6, 8),))
    cost, host, beside = stated.lines()
    assert "9.0 ms between segments of 1 s" in cost
    assert "(0.9 % more time)" in cost
    assert host.endswith("0 %: 1 of 40, 20 %: 39 of 40")
    assert beside.endswith("5 %: 6 of 8")


@pytest.mark.parametrize(
    ("registers", "stated"), [(0.99, "(0 %: false alarms)"), (0.69, "(0 %: true, for ")]
)
def test_what_is_found_of_a_host_that_is_slow_by_itself_is_no_false_alarm(
    registers, stated
):
    alone = Found(0.0, 40, 40, registers, 0.9)
    _, host, _ = Power(0.009, (alone, Found(5.0, 40, 40, 0.65, 0.9)), ()).lines()
    assert stated in host
    assert ("0.69 of its best in registers, 0.90 in memory" in host) is (
        registers == 0.69
    )
