"""Features alone, and batches that a training waits for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from small_cases import ContextOf

from benchmarks import bench_asr_input
from harness.profile import PAPER
from harness.workload import Context, Operation, UnsupportedError

pytestmark = pytest.mark.usefixtures("shipped")

BUILDS = (bench_asr_input.build_features, bench_asr_input.build_input)
SHARDS = {"features": "shards", "readers": "1", "prefetch": "4"}


@pytest.mark.parametrize("build", BUILDS)
def test_input_cannot_be_spread_over_devices(
    build: Callable[[Context], Operation], at: ContextOf
) -> None:
    two = at("asr", hardware="cuda:0,cuda:1", **SHARDS)
    with pytest.raises(UnsupportedError, match="use --hardware=cuda:0"):
        build(two)


@pytest.mark.parametrize("build", BUILDS)
def test_the_paper_profile_reads_the_papers_corpus_alone(
    build: Callable[[Context], Operation], at: ContextOf
) -> None:
    with pytest.raises(UnsupportedError, match="give --data-root"):
        build(at("asr", profile=PAPER, **SHARDS))


def test_features_are_of_utterances_of_every_length(at: ContextOf) -> None:
    operation = bench_asr_input.build_features(at("asr"))
    operation.step()
    assert operation.work.items == 1
    assert 1 < operation.cycle <= 16
    assert operation.details is not None
    assert operation.details["corpus"] == "builtin-smoke"


def test_the_input_pipeline_streams_more_than_it_holds_at_once(at: ContextOf) -> None:
    def streamed(readers: int, prefetch: int) -> float:
        options = SHARDS | {"readers": str(readers), "prefetch": str(prefetch)}
        operation = bench_asr_input.build_input(at("asr", batch_size=8, **options))
        operation.step()
        return operation.work.items

    assert streamed(readers=2, prefetch=20) >= 2 * 20 * 8 * 0.5
    assert streamed(readers=2, prefetch=20) > 2 * streamed(readers=2, prefetch=1)


def test_features_on_the_fly_are_the_same_work_as_shards(at: ContextOf) -> None:
    shards, fly = (
        bench_asr_input.build_input(
            at("asr", batch_size=8, **(SHARDS | {"features": kind}))
        )
        for kind in ("shards", "on-the-fly")
    )
    assert shards.work == fly.work
    assert shards.details == fly.details
