"""Cases of several instances, as a comparison reads them."""

import pytest
from recorded import CASE, record, several

from harness.report.compare.model import Work
from harness.report.compare.reading.extract import extract
from harness.report.splits import Split


def test_a_rate_is_that_of_all_workers_and_a_step_that_of_one():
    figures = extract(several(4, 2, 8.0, 10.0)).figures
    first, second = figures.processes
    assert first.step_s == pytest.approx(4 / 8.0)
    assert first.steps / first.total_s == pytest.approx(8.0)
    assert second.steps / second.total_s == pytest.approx(10.0)
    assert figures.split == Split(4, 2)


def test_throughput_and_rtfx_of_several_workers_are_saturated(row):
    runs = [several(4, 2, 8.0, 8.0)] * 2
    found = row(a=runs).cells["a"]
    assert found.throughput_items_per_s.value == pytest.approx(2 * 8.0)
    assert found.rtfx.value == pytest.approx(6 * 8.0)
    assert found.step_s.value == pytest.approx(0.5)
    assert found.split == Split(4, 2)


def test_a_record_whose_options_say_another_number_is_refused():
    both = several(2, 1, 4.0)
    more = record(case=CASE).model_copy(update={"instances": both.instances})
    fewer = both.model_copy(update={"instances": None})
    for one in (more, fewer):
        with pytest.raises(
            ValueError, match=r"instances\.count is (2|None), but the opt"
        ):
            extract(one)


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"instances\.steps_per_s: a step takes 1e"):
        extract(_with_rate(0.0))


def _with_rate(steps_per_s):
    plain = several(2, 1, 4.0).model_dump()
    plain["instances"]["steps_per_s"] = [steps_per_s]
    return type(several(2, 1, 4.0)).model_validate(plain)


def test_a_work_knows_what_one_instance_of_it_is():
    work = Work("w", "m", "fp32", "eager", 1, (("beam", "4"), ("instances", "8")))
    assert work.instances == 8
    assert str(work.of_one_instance) == "w/m/fp32/eager/b1/beam=4"
    assert work.of_one_instance.instances is None
