import pytest

from harness.observe.kernels import Breakdown, Entry, Profiled, Row, break_down

CONV = ("convolution", "forward", "jit:avx512_core", "f32,f32,f32")
MATMUL = ("matmul", "none", "brg_matmul:avx512_core_vnni", "u8,s8,f32")


def profile_of(*kernels_and_ms, wall_s=1.0):
    entries = [Entry(*kernel, "", ms) for kernel, ms in kernels_and_ms]
    return Profiled(entries, wall_s, "a profiler", unparsed_lines=3)


def test_calls_of_one_kernel_are_one_row_and_the_longest_comes_first():
    found = profile_of((CONV, 1.0), (MATMUL, 6.0), (CONV, 3.0), wall_s=0.02)
    assert break_down(found) == Breakdown(
        rows=(Row(*MATMUL, 1, 0.006, 60.0), Row(*CONV, 2, 0.004, 40.0)),
        logged_s=0.01,
        wall_s=0.02,
        unparsed_lines=3,
    )


@pytest.mark.parametrize("part", range(4))
def test_kernels_that_differ_in_anything_are_kept_apart(part):
    other = tuple("x" if i == part else text for i, text in enumerate(CONV))
    assert len(break_down(profile_of((CONV, 1.0), (other, 1.0))).rows) == 2


@pytest.mark.parametrize(("wall_s", "percent"), [(0.02, 50.0), (0.0, None)])
def test_coverage_is_of_the_wall_time(wall_s, percent):
    found = break_down(profile_of((CONV, 10.0), wall_s=wall_s))
    assert found.coverage_percent == percent


def test_an_empty_profile_covers_nothing():
    found = break_down(profile_of())
    assert (found.rows, found.coverage_percent) == ((), 0.0)


def test_kernels_that_took_no_time_have_no_share():
    (row,) = break_down(profile_of((CONV, 0.0))).rows
    assert row.share_percent == 0.0


def test_what_overlaps_is_in_no_sum_and_explains_its_part_of_the_threads_time():
    entries = [
        Entry(*CONV, "", 10.0),
        *(
            Entry("brgemm", "none", "", "bf16", "", 8.0, overlaps=True)
            for _ in range(2)
        ),
    ]
    found = break_down(Profiled(entries, 0.02, "a profiler", threads=4))
    small, large = found.rows[1], found.rows[0]
    assert (large.primitive, large.overlaps) == ("brgemm", True)
    assert (large.time_s, large.share_percent) == (0.016, None)
    assert (small.share_percent, found.logged_s) == (100.0, 0.01)
    assert found.part_s(large) == 0.004
    assert found.part_s(small) == 0.01
    assert found.explained_s == pytest.approx(0.014)
    assert found.coverage_percent == 50.0
