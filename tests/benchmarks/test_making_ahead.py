"""What is made before the first case is all that a case takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from small_cases import ASR, SEPARATION, SMALL, WAV2LETTER, ContextOf, SaveWeights

from benchmarks import bench_asr_input, decoding, inference, training
from harness.plan import discover
from harness.workload import UnsupportedError
from workloads.compression import artifacts
from workloads.recognition import data as recordings

pytestmark = pytest.mark.usefixtures("shipped")


@pytest.fixture
def make_nothing_more(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From then on, whatever is to be made fails."""

    def forbid() -> None:
        def fail(function: Any, arguments: Sequence[Any], what: str, *_: Any) -> None:
            raise AssertionError(f"{what} was not made ahead")

        for module in (artifacts, recordings):
            monkeypatch.setattr(module, "run_elsewhere", fail)

    return forbid


@pytest.mark.parametrize(
    ("name", "compression", "runtime"),
    [
        ("wav2letter", "int8-static", "onnxruntime"),
        ("wav2letter", "fp32", "openvino"),
        ("separation", "bf16", "eager"),
        ("asr", "fp32", "eager"),
    ],
)
def test_a_model_is_timed_and_judged_of_what_was_made_ahead(
    at: ContextOf,
    save_weights: SaveWeights,
    make_nothing_more: Callable[[], None],
    name: str,
    compression: str,
    runtime: str,
) -> None:
    small = SMALL[name]
    save_weights(small)
    context = at(name, compression, runtime, batch_size=2)
    inference.make(context, small.task)
    make_nothing_more()
    operation = inference.inference(context, small.task)
    operation.step()
    assert operation.values().error is not None
    assert operation.accuracy().metrics


def test_a_decoder_is_timed_of_what_was_made_ahead(
    at: ContextOf, save_weights: SaveWeights, make_nothing_more: Callable[[], None]
) -> None:
    save_weights(WAV2LETTER)
    context = at("wav2letter", "fp32", "numpy", beam="1")
    decoding.make(context, WAV2LETTER.task, "onnxruntime")
    make_nothing_more()
    operation = decoding.decoding(context, WAV2LETTER.task, "onnxruntime")
    operation.step()
    assert operation.accuracy().metrics


@pytest.mark.parametrize("make", [training.make, training.make_step])
def test_gradients_are_compared_with_those_that_were_made_ahead(
    at: ContextOf, make_nothing_more: Callable[[], None], make: Callable[..., None]
) -> None:
    context = at("asr", batch_size=8, seed=3)
    make(context, ASR.task)
    make_nothing_more()
    built: Any
    if make is training.make:
        built = training.training(context, ASR.task, ())
    else:
        built = training.training_step(context, ASR.task)
    assert built.values().error is not None


def test_features_are_there_for_whoever_reads_them(
    at: ContextOf, make_nothing_more: Callable[[], None]
) -> None:
    options = {"features": "shards", "readers": "1", "prefetch": "4"}
    context = at("asr", batch_size=4, **options)
    bench_asr_input.make(context)
    make_nothing_more()
    assert bench_asr_input.build_input(context).work.items > 0


def test_nothing_is_made_for_a_case_that_cannot_run_here(at: ContextOf) -> None:
    context = at("separation", "int8-dynamic", "eager")
    with pytest.raises(UnsupportedError):
        inference.make(context, SEPARATION.task)


def test_every_workload_of_the_suite_makes_ahead_what_its_cases_take() -> None:
    found = {one.name: (one.make is not None, one.make_s > 0) for one in discover()}
    assert found == dict.fromkeys(found, (True, True))
