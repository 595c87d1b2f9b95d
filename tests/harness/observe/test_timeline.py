import pytest

from harness.observe.timeline import Sample, thin

LINE = tuple(Sample(float(t), "timed", 10.0 * t, 1.0 * t, 100 - t) for t in range(1, 6))


def test_a_short_timeline_stays_as_it_is():
    assert thin(LINE, points=5) == LINE


def test_a_long_timeline_keeps_means_and_the_highest_memory():
    assert thin(LINE, points=3) == (
        Sample(2.0, "timed", 15.0, 1.5, 99),
        Sample(4.0, "timed", 35.0, 3.5, 97),
        Sample(5.0, "timed", 50.0, 5.0, 95),
    )


@pytest.mark.parametrize("points", [1, 2, 3, 4])
def test_there_are_never_more_points_than_asked_for(points):
    assert len(thin(LINE, points)) <= points


def test_samples_of_a_gone_worker_do_not_enter_the_mean():
    gone = Sample(6.0, "timed", None, 3.0, None)
    (merged,) = thin((LINE[0], gone), points=1)
    assert (merged.worker_cpu_percent, merged.rss_bytes) == (10.0, 99)
    assert thin((gone,), points=1) == (gone,)


def test_nothing_thins_to_nothing():
    assert thin((), points=3) == ()
