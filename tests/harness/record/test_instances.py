"""Several workers at once, in a record."""

import pytest
from outcomes import record
from pydantic import ValidationError
from spoiled_records import spoil

from harness.record.schema import InstancesRecord, Record

BOUND = {"value": 1.0, "upper_bound": None, "n": 9, "needed": 1}


def one(number):
    return {
        "number": number,
        "cpus": [number],
        "numa_node": None,
        "steps": 9,
        "throughput_items_per_s": 1.0,
        "rtfx": 3.0,
        "median_s": 1.0,
        "latency_ms": dict.fromkeys(("p50", "p90", "p99", "p99_9"), BOUND),
        "peak_rss_bytes": 2**20,
    }


def plain(count=2, processes=1, numbers=(1, 2)):
    return {
        "count": count,
        "threads": 1,
        "window_s": [2.0] * processes,
        "steps_per_s": [2.0] * processes,
        "throughput_items_per_s": 2.0,
        "rtfx": 6.0,
        "each": [one(number) for number in numbers],
    }


def test_all_instances_are_there_by_their_numbers():
    found = InstancesRecord.model_validate(plain())
    assert [each.number for each in found.each] == [1, 2]


@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3), (2, 1), (1, 1), (0, 1)])
def test_an_instance_that_is_missing_or_twice_is_refused(numbers):
    with pytest.raises(ValidationError, match="expected those of numbers 1 to 2, in"):
        InstancesRecord.model_validate(plain(numbers=numbers))


def test_one_instance_is_none_of_several():
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        InstancesRecord.model_validate(plain(count=1, numbers=(1,)))


def test_every_process_has_a_window_and_a_rate():
    wrong = plain()
    spoil(wrong, ["window_s"], [2.0, 2.0])
    with pytest.raises(
        ValidationError, match="window_s has 2 processes and steps_per_"
    ):
        InstancesRecord.model_validate(wrong)


def test_instances_and_timing_tell_of_as_many_processes():
    found = record().model_dump()
    spoil(found, ["instances"], plain(processes=1))
    assert Record.model_validate(found).instances is not None
    spoil(found, ["instances"], plain(processes=3))
    with pytest.raises(
        ValidationError, match="instances tells of 3 processes, and tim"
    ):
        Record.model_validate(found)


def test_records_of_before_tell_of_no_instances():
    found = record().model_dump()
    del found["instances"]
    assert Record.model_validate(found).instances is None
