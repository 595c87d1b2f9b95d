"""What is timed: inputs and work, and what a record says of layers and kernels."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from small_cases import (
    SEPARATION,
    WAV2LETTER,
    ContextOf,
    SaveWeights,
    Small,
    timed,
)

from benchmarks.inference import (
    inference,
    input_padding_percent,
    unsupported,
)
from harness.hardware import Hardware
from harness.measure.proofs import claim_warnings
from harness.measure.worker import PROFILE_STEPS
from harness.observe.claims import judge
from harness.workload import Context, UnsupportedError
from workloads import compressed, counting
from workloads.asr.task import output_frame_macs
from workloads.compression.known import parse
from workloads.compression.sparse import sizes as stored_sizes
from workloads.task import Input, parameters_of
from workloads.wav2letter.sizes import WAV2LETTER_SMALL

CONV_TASNET_MACS = 656_055_808  # of the small one, for four seconds

pytestmark = pytest.mark.usefixtures("shipped")


def test_work_is_the_mean_over_the_inputs_of_any_task(
    small: Small, at: ContextOf
) -> None:
    found = timed(at(small.task.name))
    work, inputs = found.work, found.inputs
    assert work.items == 1
    assert work.audio_s == pytest.approx(sum(i.audio_s for i in inputs) / len(inputs))
    model = small.task.model(small.size)
    assert work.parameters == sum(one.numel() for one in model.parameters())
    tensors = [*model.parameters(), *model.buffers()]
    assert work.model_bytes == sum(one.numel() * one.element_size() for one in tensors)
    lengths = [length for one in inputs for length in one.lengths]
    counted = found.model.file.facts
    macs = [small.task.macs(small.size, length, counted) for length in lengths]
    assert work.macs == pytest.approx(sum(macs) / len(inputs))


def test_nothing_is_counted_where_a_model_is_timed(
    small: Small, at: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a model costs was counted when its file was made: torch loads sympy for it,
    150 MB that a timed process held at its peak."""
    found = timed(at(small.task.name))

    def count_now(*_: object) -> None:
        raise AssertionError("layers were counted beside a timed model")

    monkeypatch.setattr("workloads.counting.macs_of_layers", count_now)
    monkeypatch.setattr("workloads.asr.task.macs_of_layers", count_now)
    output_frame_macs.cache_clear()
    assert found.work.macs is not None
    assert found.work.macs > 0
    assert "macs" not in found.details


def test_single_utterances_are_evenly_over_the_lengths_and_padded_to_the_grid(
    at: ContextOf,
) -> None:
    found = timed(at("wav2letter"))
    part = found.data.validation
    for one in found.inputs:
        (frames,) = one.lengths
        assert one.features.shape == (1, -(-frames // 8) * 8, 40)
        assert not one.features[0, frames:].any()
        assert one.audio_s == part.durations_s[part.frames.index(frames)]
    lengths = sorted(one.lengths[0] for one in found.inputs)
    assert lengths == sorted(part.frames)  # all: there are fewer than are timed at most
    assert 0 <= float(found.details["padding_percent"]) < 10


def test_batches_hold_utterances_of_like_length(at: ContextOf) -> None:
    found = timed(at("wav2letter", batch_size=2))
    ordered = sorted(found.data.validation.frames)
    for one in found.inputs:
        assert one.features.shape[0] == len(one.lengths) == 2
        places = sorted(ordered.index(frames) for frames in one.lengths)
        assert places[1] - places[0] <= 2


def test_a_batch_that_the_set_cannot_fill_is_the_whole_set(at: ContextOf) -> None:
    found = timed(at("wav2letter", batch_size=64))
    (whole,) = found.inputs
    assert sorted(whole.lengths) == sorted(found.data.validation.frames)


def test_inputs_of_one_length_are_joined_speech(at: ContextOf) -> None:
    found = timed(at("wav2letter", batch_size=2, frames="300"))
    inputs = found.inputs
    assert {one.features.shape for one in inputs} == {(2, 300, 40)}
    assert {one.lengths for one in inputs} == {(300, 300)}
    assert [one.audio_s for one in inputs] == pytest.approx([6.0] * len(inputs))
    assert input_padding_percent(inputs) == 0
    assert all(one.features.any(axis=2).all() for one in inputs)  # no silence between
    assert found.operation().cycle == 1


def test_a_cycle_goes_through_all_inputs_of_many_lengths(at: ContextOf) -> None:
    found = timed(at("wav2letter"))
    assert len({one.features.shape for one in found.inputs}) > 1
    assert found.operation().cycle == len(found.inputs)


@pytest.mark.parametrize(("batch_size", "count"), [(1, 3), (2, 2)])
def test_every_mixture_that_is_timed_lasts_four_seconds(
    at: ContextOf, batch_size: int, count: int
) -> None:
    found = timed(at("separation", batch_size=batch_size))
    assert {one.features.shape for one in found.inputs} == {(batch_size, 32_000, 1)}
    assert len(found.inputs) == count
    assert (found.work.items, found.work.audio_s) == (batch_size, 4 * batch_size)
    assert found.work.macs == batch_size * CONV_TASNET_MACS
    assert found.operation().cycle == 1  # all have one shape


def some_inputs() -> list[Input]:
    shapes = [(2, 16, (16, 10), 0.26), (1, 24, (18,), 0.18)]
    return [
        Input(np.zeros((b, t, 40), np.float32), lengths, audio_s)
        for b, t, lengths, audio_s in shapes
    ]


def test_padding_is_the_share_of_frames_without_speech() -> None:
    assert input_padding_percent(some_inputs()) == pytest.approx(100 * 12 / 56)


def test_work_is_that_of_true_frames_and_the_mean_of_the_steps(
    at: ContextOf,
) -> None:
    found = timed(at("wav2letter", "bf16"))
    found.inputs = some_inputs()
    work = found.work
    assert (work.items, work.audio_s) == (1.5, pytest.approx(0.22))
    assert work.macs == sum(map(WAV2LETTER_SMALL.macs, (16, 10, 18))) / 2
    parameters = parameters_of(WAV2LETTER.task.model(WAV2LETTER_SMALL))
    assert (work.parameters, work.model_bytes) == (parameters, 2 * parameters)


def test_pruned_channels_are_gone_and_counted_as_gone(
    at: ContextOf, save_weights: SaveWeights
) -> None:
    save_weights(SEPARATION)
    found = timed(at("separation", "prune-l1-structured-30"))
    whole = CONV_TASNET_MACS
    assert (
        found.work.macs
        == counting.macs_of(found.model.module(), 1, 32_000)
        < 0.52 * whole
    )
    assert found.details["layers_left"] == (
        "decoder: it has one output channel, which must stay"
    )


def test_zeros_tell_what_they_would_take_in_every_format(
    at: ContextOf, save_weights: SaveWeights
) -> None:
    save_weights(SEPARATION)
    found = timed(at("separation", "prune-l1-unstructured-90"))
    details = found.details
    assert details["zeros_percent"] == pytest.approx(90, abs=0.1)
    assert len([name for name in details if name.endswith("_bytes")]) == 8
    assert float(details["csr_bytes"]) < 0.25 * found.open.model_bytes


def test_sparse_products_give_the_same_waveforms(
    at: ContextOf, save_weights: SaveWeights
) -> None:
    save_weights(SEPARATION)
    dense = timed(at("separation", "prune-l1-unstructured-90"))
    sparse = timed(at("separation", "prune-l1-unstructured-90", weights="csr"))
    assert sparse.details["layers_sparse"] == 37  # all of kernel 1
    assert "layers_sparse" not in dense.details
    waves = dense.inputs[0].features
    np.testing.assert_allclose(dense.run(waves), sparse.run(waves), atol=1e-5)


def test_making_the_module_is_not_in_the_timed_process(
    at: ContextOf, save_weights: SaveWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its peak memory would be that of pruning, or of eight storage formats."""
    save_weights(SEPARATION)
    timed(at("separation", "prune-l1-unstructured-90"))  # makes it, elsewhere
    for module, name in (
        (compressed, "write_module"),
        (compressed, "changes"),
        (stored_sizes, "model_sizes"),
        (counting, "macs_of"),
    ):
        called = _refusing(getattr(module, name))
        monkeypatch.setattr(module, name, called)
    found = timed(at("separation", "prune-l1-unstructured-90"))
    assert found.work.macs == CONV_TASNET_MACS


def _refusing(function: Any) -> Any:
    """As the function to whoever asks for its name; a call fails."""

    def refuse(*_: object) -> None:
        raise AssertionError(f"{function.__name__} ran in the timed process")

    refuse.__module__, refuse.__qualname__ = function.__module__, function.__qualname__
    return refuse


def test_an_operation_tells_sizes_and_layers(at: ContextOf) -> None:
    context = at("wav2letter", "int8-static-keep-first", "onnxruntime")
    operation = inference(context, WAV2LETTER.task)
    details = operation.details
    assert details is not None
    assert operation.float_layers == 1
    kept = str(details["layers_kept_in_float"])
    assert kept.count(",") == 0
    assert kept != "none"
    assert operation.work.model_bytes is not None
    assert 0 < float(details["huffman_bytes"]) < operation.work.model_bytes
    assert operation.tool is not None
    assert operation.tool().name == "a loop over InferenceSession.run"


def test_a_decoder_that_stays_in_float_is_counted_where_no_file_tells(
    at: ContextOf,
) -> None:
    """Of Conv-TasNet: no runtime has an integer kernel for it."""
    compression = parse("int8-static")
    counts = {
        name: SEPARATION.task.float_layers(compression, name)
        for name in ("compile", "onnxruntime", "openvino")
    }
    assert counts == {"compile": 1, "onnxruntime": 0, "openvino": 1}
    assert SEPARATION.task.float_layers(parse("fp32"), "openvino") == 0


def test_options_of_onnx_runtime_reach_it(at: ContextOf) -> None:
    plain = timed(at("wav2letter", runtime="onnxruntime"))
    other = timed(at("wav2letter", runtime="onnxruntime", arena="off", graph="basic"))
    threads = len(os.sched_getaffinity(0))
    for found, arena, graph in ((plain, True, "ALL"), (other, False, "BASIC")):
        options = found.open.session.native.get_session_options()
        assert options.intra_op_num_threads == threads
        assert options.enable_cpu_mem_arena is arena
        assert options.graph_optimization_level.name == f"ORT_ENABLE_{graph}"


def warnings_of(context: Context) -> list[str]:
    """What the record of a case would say about its kernels, over as many steps as a
    record has of so short ones: of three, one that waits is a third."""
    operation = inference(context, WAV2LETTER.task)
    operation.step()
    assert operation.profile is not None
    claimed = parse(context.case.compression).claims
    profiled = operation.profile(PROFILE_STEPS)
    found = judge(profiled, PROFILE_STEPS, claimed, operation.float_layers)
    return claim_warnings(found, claimed, context.hardware)


def test_int8_that_falls_back_to_float_kernels_is_flagged(at: ContextOf) -> None:
    """OpenVINO has no kernel for the dynamic model's ConvInteger."""
    warnings = warnings_of(at("wav2letter", "int8-dynamic", "openvino"))
    assert warnings
    assert all(one.startswith("claims int8, but ") for one in warnings)
    assert any("convolution (forward) ran as " in one for one in warnings)
    assert any("on f32,f32,f32 (OpenVINO's counters" in one for one in warnings)
    assert all("compare with the fp32 case" in one for one in warnings)


@pytest.mark.parametrize(
    ("compression", "runtime"),
    [
        ("int8-static", "openvino"),
        ("int8-static", "onnxruntime"),
        ("int8-static-keep-first", "onnxruntime"),
        ("fp32", "openvino"),
        ("fp32", "onnxruntime"),
    ],
)
def test_arithmetic_that_is_as_claimed_is_not_flagged(
    at: ContextOf, compression: str, runtime: str
) -> None:
    """A model this small may spend most of its time in the layer kept in float."""
    kept = "layers in float on purpose take"
    found = warnings_of(at("wav2letter", compression, runtime))
    assert [one for one in found if kept not in one] == []


def test_a_claim_on_the_float_model_would_be_flagged(at: ContextOf) -> None:
    """So that silence above is no deafness."""
    operation = inference(at("wav2letter", runtime="onnxruntime"), WAV2LETTER.task)
    assert operation.profile is not None
    judged = judge(operation.profile(1), 1, "int8")
    assert sum(row.calls for row in judged.float_fallbacks) == 11
    assert claim_warnings(judged, "int8", Hardware.parse("cpu"))


def test_a_runtime_without_a_profile_of_its_own_leaves_it_to_onednn(
    at: ContextOf,
) -> None:
    assert inference(at("wav2letter"), WAV2LETTER.task).profile is None


def test_an_unsupported_reason_is_kept_word_for_word() -> None:
    with pytest.raises(UnsupportedError, match=r"^no such operator$"), unsupported():
        raise UnsupportedError("no such operator")
    with pytest.raises(ZeroDivisionError), unsupported():
        raise ZeroDivisionError
