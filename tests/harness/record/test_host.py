from dataclasses import replace

import pytest
from outcomes import outcome, record, segment, sensed

from harness.observe.host_speed import HostShare
from harness.record.host import host_text, readings
from harness.report.remarks import remarks

BEST, MEMORY = 4e8, 8e9


def given(*shares, best=BEST, start_s=0.0, every_s=60.0):
    """The readings of a run whose known best was so high."""
    segments = [
        replace(
            segment(1),
            noise=replace(
                segment(1).noise,
                host=HostShare(start_s + i * every_s, share * best, MEMORY, share, 1.0),
            ),
        )
        for i, share in enumerate(shares)
    ]
    return record(outcome(*[0.5] * len(shares), seen=sensed(*segments)))


def text(*records):
    return host_text([readings(one) for one in records])


def test_a_run_tells_its_hosts_speed_and_for_how_long():
    assert text(given(1.0, 0.91, 0.97)) == (
        "0.97 of its best in registers (0.91 to 1.00), 1.00 in memory (1.00 to 1.00); "
        "over 2 min"
    )


def test_a_host_that_drifts_tells_its_beginning_and_its_end():
    shares = [1.0, 1.0, 1.0, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8]
    assert "(0.80 to 1.00) [1.00 at first, 0.80 at last]" in text(given(*shares))


def test_shares_of_a_best_that_was_not_known_yet_are_stated_anew():
    """The first reading was the best of all so far; the second, of twice that."""
    early = given(1.0, best=2e8)
    late = given(1.0, best=4e8, start_s=60.0)
    both = host_text([[*readings(early), *readings(late)]])
    assert both.startswith("0.75 of its best in registers (0.50 to 1.00)")


def test_cores_that_lay_together_and_apart_are_told_of_and_have_a_memory_each():
    near = HostShare(0.0, 1.0, 30e9, 1.0, 1.0, 60e6, 1.0)
    far = HostShare(60.0, 1.0, 45e9, 1.0, 0.9, 12e6, 0.2)
    assert host_text([[near, far, near]]) == (
        "1.00 of its best in registers (1.00 to 1.00), 1.00 in memory (0.90 to 1.00), "
        "1.00 between cores (0.20 to 1.00); over 60 s"
    )


def test_several_runs_are_stated_together():
    stated = text(given(1.0, 1.0), given(0.5, 0.5, start_s=9e6))
    assert stated.startswith("0.75 of its best in registers (0.50 to 1.00)")
    assert stated.endswith("over 2 min")


def test_records_of_before_tell_nothing():
    assert text(record()) is None
    assert remarks([record()]) == []


@pytest.mark.parametrize("share", [0.0, 1e-320])
def test_numbers_that_make_no_sense_are_no_crash(share):
    assert "registers" in text(given(share, 1.0))


def test_show_tells_it_before_all_remarks():
    first, *_ = remarks([given(1.0, 0.5)])
    assert first.startswith("host: 0.75 of its best in registers (0.50 to 1.00)")
