"""What the Wav2Letter benchmarks share: which cases run, on what, and how judged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from workloads.wav2letter.dataset import Part
from workloads.weights import trained_dir

from benchmarks import (
    bench_wav2letter,
    bench_wav2letter_decoding,
    sessions,
    wav2letter,
)
from harness.case import Case
from harness.hardware import Hardware
from harness.measure.proofs import claim_warnings
from harness.measure.run import precision_of
from harness.observe.claims import judge
from harness.profile import PAPER, SMOKE
from harness.workload import Context, UnsupportedError
from workloads.compression.names import parse
from workloads.corpora import builtin, librispeech
from workloads.corpora.cache import default_cache_dir
from workloads.runtimes.onnx_runtime import OnnxRuntimeOptions
from workloads.runtimes.session import OperatorMissingError
from workloads.wav2letter import arrays, trained
from workloads.wav2letter.arrays import ArrayPart
from workloads.wav2letter.sizes import WAV2LETTER_SMALL, Wav2LetterSize
from workloads.wav2letter.symbols import LETTERS

SMALL = WAV2LETTER_SMALL
AT = Callable[..., Context]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def untrained(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights at all, and a cache that all these tests share."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(cache))
    monkeypatch.setattr(trained, "SHIPPED", tmp_path / "shipped")


@pytest.fixture
def at(tmp_path: Path) -> AT:
    """A smoke case on a runtime, as a worker sees it."""

    def context(
        compression: str = "fp32",
        runtime: str = "eager",
        batch_size: int = 1,
        hardware: str = "cpu",
        **options: str,
    ) -> Context:
        pairs = tuple(options.items())
        axes = ("wav2letter", SMALL.name, compression, runtime, hardware)
        return Context(
            case=Case(*axes, batch_size, pairs),
            profile=SMOKE,
            hardware=Hardware.parse(hardware),
            seed=0,
            scratch_dir=tmp_path,
            data_root=None,
            progress=lambda what, done, total: None,
        )

    return context


@pytest.mark.parametrize(
    ("runtime", "compression", "hardware", "reason"),
    [
        ("onnxruntime", "fp32", "cuda:0", "onnxruntime is measured on the CPU; on "),
        ("openvino", "fp32", "cuda:0", "on cuda:0 use eager or compile"),
        ("onnxruntime", "fp32", "cpu:isa=avx2", "no switch for an instruction-set cap"),
        ("onnxruntime", "bf16", "cpu", "ONNX Runtime has no bf16 kernels"),
        ("onnxruntime", "fp16", "cpu", "ONNX Runtime has no fp16 kernels"),
        ("eager", "int8-static", "cpu", "torch has no eager int8-static convolution"),
        ("eager", "w16a8", "cpu", "torch has no eager w16a8 convolution"),
        ("compile", "int8-dynamic", "cpu", "no int8-dynamic convolution on the CPU"),
        ("compile", "int16-weights", "cpu", "no int16-weights convolution on the CPU"),
        ("compile", "int8-static", "cuda:0", "no int8-static convolution on CUDA"),
    ],
)
def test_what_no_runtime_can_do_is_skipped_with_the_reason(
    at: AT, runtime: str, compression: str, hardware: str, reason: str
) -> None:
    context = at(compression, runtime, hardware=hardware)
    with pytest.raises(UnsupportedError, match=reason):
        wav2letter.Subject(context)


@pytest.mark.parametrize(
    ("runtime", "compression", "hardware"),
    [
        ("onnxruntime", "int8-dynamic", "cpu:threads=1"),
        ("openvino", "bf16", "cpu"),
        ("openvino", "int8-static", "cpu:isa=avx2"),
        ("eager", "fp16", "cuda:0"),
        ("eager", "fp32", "cpu:isa=avx2"),
        ("compile", "int8-qat", "cpu"),
        ("compile", "int8-static-keep-first", "cpu:isa=avx512"),
    ],
)
def test_what_a_runtime_can_do_is_not_skipped(
    at: AT, runtime: str, compression: str, hardware: str
) -> None:
    context = at(compression, runtime, hardware=hardware)
    reason = sessions.why_not_here(context.case, context.hardware, parse(compression))
    assert reason is None


def test_no_declared_case_is_skipped_on_a_plain_cpu() -> None:
    cpu = Hardware.parse("cpu")
    for profile in bench_wav2letter.WORKLOAD.points:
        for case in bench_wav2letter.WORKLOAD.cases(profile, "cpu"):
            reason = sessions.why_not_here(case, cpu, parse(case.compression))
            assert reason is None, case.id


def test_several_devices_are_refused(at: AT) -> None:
    with pytest.raises(UnsupportedError, match="use --hardware=cuda:0"):
        wav2letter.Subject(at(hardware="cuda:0,cuda:1"))


def test_the_paper_profile_asks_for_the_documents_arrays(at: AT) -> None:
    with pytest.raises(UnsupportedError, match=r"give --data-root, .*train\.npy"):
        wav2letter.dataset_of(replace(at(), profile=PAPER))


def test_a_data_root_takes_the_place_of_the_built_in_speech(
    at: AT, tmp_path: Path
) -> None:
    features = [np.ones((30, 40), np.float32) * i for i in range(3)]
    arrays.write(tmp_path, LETTERS, arrays.TRAIN, features, ["a", "b", "c"])
    arrays.write(tmp_path, LETTERS, arrays.DEV, features[:1], ["no"])
    found = wav2letter.dataset_of(replace(at(), data_root=tmp_path))
    assert (found.name, found.validation.texts) == ("arrays-letters", ("no",))
    speech = wav2letter.dataset_of(at())
    assert speech.name == "builtin-smoke"


def test_librispeech_serves_where_there_are_no_arrays(at: AT, tmp_path: Path) -> None:
    speech = builtin.load_or_build(builtin.SMOKE, default_cache_dir())
    librispeech.write(speech.train, tmp_path, "train-clean-100")
    librispeech.write(speech.validation, tmp_path, "dev-clean")
    found = wav2letter.dataset_of(replace(at(), data_root=tmp_path))
    assert found.name == "librispeech-train-clean-100+dev-clean"
    assert set(found.validation.texts) == {u.transcript for u in speech.validation}


def test_a_root_that_holds_neither_skips_with_both_reasons(
    at: AT, tmp_path: Path
) -> None:
    with pytest.raises(
        UnsupportedError, match=r"no train\.npy .*; or no training subset"
    ):
        wav2letter.dataset_of(replace(at(), data_root=tmp_path))


@pytest.fixture
def subject(at: AT) -> Callable[..., wav2letter.Subject]:
    return lambda *axes, **options: wav2letter.Subject(at(*axes, **options))


Made = Callable[..., wav2letter.Subject]


def test_single_utterances_are_evenly_over_the_lengths_and_padded_to_the_grid(
    subject: Made,
) -> None:
    found = subject()
    part = found.data.validation
    inputs = found.inputs(utterances=3, batches=1)
    assert len(inputs) == 3
    for one in inputs:
        (frames,) = one.frames
        assert one.features.shape == (1, -(-frames // 8) * 8, 40)
        assert not one.features[0, frames:].any()
        position = part.frames.index(frames)
        assert one.audio_s == part.durations_s[position]
    every = found.inputs(utterances=1000, batches=1)
    assert sorted(one.frames[0] for one in every) == sorted(part.frames)


def test_batches_hold_utterances_of_like_length(subject: Made) -> None:
    found = subject("fp32", "eager", 2)
    part = found.data.validation
    inputs = found.inputs(utterances=1, batches=2)
    assert [len(one.frames) for one in inputs] == [2, 2]
    ordered = sorted(part.frames)
    for one in inputs:
        assert one.features.shape[0] == 2
        places = sorted(ordered.index(frames) for frames in one.frames)
        assert places[1] - places[0] <= 2
        durations_s = [part.durations_s[part.frames.index(n)] for n in one.frames]
        assert one.audio_s == pytest.approx(sum(durations_s))


def test_a_batch_that_the_set_cannot_fill_is_the_whole_set(subject: Made) -> None:
    found = subject("fp32", "eager", 64)
    (whole,) = found.inputs(utterances=1, batches=8)
    assert sorted(whole.frames) == sorted(found.data.validation.frames)


def test_inputs_of_one_length_are_joined_speech(subject: Made) -> None:
    inputs = subject("fp32", "eager", 2, frames="300").inputs(64, batches=3)
    assert [one.features.shape for one in inputs] == [(2, 300, 40)] * 3
    assert [one.frames for one in inputs] == [(300, 300)] * 3
    assert [one.audio_s for one in inputs] == pytest.approx([6.0] * 3)
    assert wav2letter.padding_percent(inputs) == 0
    assert all(one.features.any(axis=2).all() for one in inputs)  # no silence between


def some_inputs() -> list[wav2letter.Input]:
    shapes = [(2, 16, (16, 10), 0.26), (1, 24, (18,), 0.18)]
    return [
        wav2letter.Input(np.zeros((b, t, 40), np.float32), frames, audio_s)
        for b, t, frames, audio_s in shapes
    ]


def test_work_is_that_of_true_frames_and_the_mean_of_the_steps() -> None:
    work = wav2letter.work_of(some_inputs(), SMALL, model_bytes=77)
    assert (work.items, work.audio_s) == (1.5, pytest.approx(0.22))
    assert work.macs == sum(map(SMALL.macs, (16, 10, 18))) / 2
    assert (work.parameters, work.model_bytes) == (SMALL.parameters, 77)


def test_padding_is_the_share_of_frames_without_speech() -> None:
    assert wav2letter.padding_percent(some_inputs()) == pytest.approx(100 * 12 / 56)


def test_untrained_weights_are_timed_with_a_warning_and_judged_by_nothing(
    subject: Made, caplog: pytest.LogCaptureFixture
) -> None:
    found = subject()
    accuracy = found.accuracy()
    assert accuracy.metrics == {}
    assert accuracy.reason is not None
    assert f"run `{trained.command_for(SMALL)}`" in accuracy.reason
    assert "timed on untrained weights" in caplog.text
    assert "weights_sha256" not in found.details
    assert found.running.model_bytes == 4 * SMALL.parameters


def test_a_kernel_that_is_missed_at_the_first_run_skips_the_case(
    subject: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As OpenVINO misses its bf16 convolution under a cap of AVX2: to prepare the first
    input is to run it."""
    found = subject("fp32", "openvino")

    def run(prepared: object) -> None:
        raise OperatorMissingError("OpenVINO", "Convolution", "first", "raise the cap")

    monkeypatch.setattr(found.running.session, "run", run)
    with pytest.raises(UnsupportedError, match=r"operator Convolution .*: raise the"):
        found.prepare(some_inputs())


def test_decoding_refuses_untrained_weights(at: AT) -> None:
    with pytest.raises(UnsupportedError, match=r"no trained weights of wav2letter-sm"):
        bench_wav2letter_decoding.build(at("fp32", "numpy", beam="1"))


@pytest.mark.parametrize("runtime", ["numpy", "flashlight"])
@pytest.mark.parametrize(
    ("hardware", "reason"),
    [
        ("cuda:0", "decoding runs on the CPU"),
        ("cpu:isa=avx2", "cap does not reach {runtime}, which decodes"),
    ],
)
def test_decoding_refuses_hardware_that_it_would_not_use(
    at: AT, runtime: str, hardware: str, reason: str
) -> None:
    context = at("fp32", runtime, hardware=hardware, beam="1")
    with pytest.raises(UnsupportedError, match=reason.format(runtime=runtime)):
        bench_wav2letter_decoding.build(context)


def save_untrained(subject: Made, name: str, folder: Path) -> Path:
    data = subject().data
    torch.manual_seed(3)
    path = folder / f"{name}.safetensors"
    trained.save(trained.load_model(SMALL, None), data.normaliser, {}, path)
    return path


@pytest.fixture
def weights(subject: Made, tmp_path: Path) -> Path:
    """Made-up weights, as if they were trained, where shipped ones lie."""
    return save_untrained(subject, trained.weights_name(SMALL), tmp_path / "shipped")


def test_a_compression_may_add_a_fiftieth_of_the_baselines_edits(
    weights: Path, subject: Made
) -> None:
    found = subject("bf16", "eager", 2)
    accuracy = found.accuracy()
    assert accuracy.reason is None
    metric, pooled = accuracy.metrics["levenshtein"], accuracy.metrics["cer"]
    assert metric.gate is not None
    assert metric.difference is not None
    assert metric.gate == pytest.approx(0.02 * (metric.value - metric.difference))
    baseline = f"wav2letter/{SMALL.name}/fp32/eager/cpu/b2"
    assert metric.baseline_case == pooled.baseline_case == baseline
    assert metric.passed == (metric.difference <= metric.gate)
    assert pooled.gate is None
    assert found.details["weights_sha256"] == found.weights.sha256
    assert found.running.model_bytes == pytest.approx(2 * SMALL.parameters)


def test_fp32_is_the_baseline_and_has_no_gate(weights: Path, subject: Made) -> None:
    accuracy = subject().accuracy()
    assert set(accuracy.metrics) == {"cer", "levenshtein"}
    assert {metric.gate for metric in accuracy.metrics.values()} == {None}
    assert accuracy.metrics["levenshtein"].baseline_case is None


def test_trained_weights_for_int8_are_not_gated_by_an_untrained_baseline(
    subject: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    aware = trained.weights_name(SMALL, aware=True)
    save_untrained(subject, aware, tmp_path / "shipped")
    caplog.clear()
    accuracy = subject("int8-qat", "onnxruntime").accuracy()
    assert accuracy.reason is None
    metric = accuracy.metrics["levenshtein"]
    assert metric.value > 0
    assert (metric.baseline_case, metric.difference, metric.gate) == (None,) * 3
    (warning,) = [one.getMessage() for one in caplog.records]
    assert warning.startswith("no gate, for want of a baseline in fp32: no trained")
    assert f"run `{trained.command_for(SMALL)}`" in warning


def test_weights_are_not_gated_by_those_that_heard_another_corpus(
    weights: Path, subject: Made, caplog: pytest.LogCaptureFixture
) -> None:
    """A gate would compare what was heard, not what int8 costs."""
    own = trained_dir(subject().data.checksum)
    save_untrained(subject, trained.weights_name(SMALL, aware=True), own)
    metric = subject("int8-qat", "onnxruntime").accuracy().metrics["levenshtein"]
    assert (metric.baseline_case, metric.difference, metric.gate) == (None,) * 3
    assert f"{weights}, its baseline, one alone was trained on this" in caplog.text
    save_untrained(subject, trained.weights_name(SMALL), own)
    metric = subject("int8-qat", "onnxruntime").accuracy().metrics["levenshtein"]
    shutil.rmtree(own)  # the cache is shared
    assert metric.gate is not None


def test_weights_for_int8_are_asked_for_by_their_own_command(
    weights: Path, subject: Made
) -> None:
    data = subject().data
    found = wav2letter.weights_of(SMALL, True, data)
    assert found.path is None
    assert found.reason is not None
    assert "--size wav2letter-small --qat`" in found.reason
    assert wav2letter.weights_of(SMALL, False, data).path == weights


def test_what_was_heard_is_judged_utterance_by_utterance() -> None:
    texts = ("a cat", "dog", "bee")
    features = (np.zeros((9, 40), np.float32),) * 3
    part = Part(ArrayPart(features, texts, "0"), texts, (0.1,) * 3, LETTERS)
    found = wav2letter.judged(part, ["a cap", "dog", "x"])
    assert found.metrics["levenshtein"].value == pytest.approx(4 / 3)
    assert found.metrics["cer"].value == pytest.approx(4 / 11)
    assert found.edits_by_length == [(5, 1), (3, 0), (3, 3)]
    assert [(one.rank, one.reference, one.edits) for one in found.transcripts] == [
        ("best", "dog", 0),
        ("middle", "a cat", 1),
        ("worst", "bee", 3),
    ]


def warnings_of(context: Context) -> list[str]:
    """What the record of a case would say about its kernels, over three steps."""
    operation = bench_wav2letter.build(context)
    operation.step()
    assert operation.profile is not None
    precision = precision_of(context.case.compression)
    found = judge(operation.profile(3), 3, precision, operation.float_layers)
    return claim_warnings(asdict(found), precision, context.hardware)


def test_int8_that_falls_back_to_float_kernels_is_flagged(at: AT) -> None:
    """OpenVINO has no kernel for the dynamic model's ConvInteger."""
    warnings = warnings_of(at("int8-dynamic", "openvino"))
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
    at: AT, compression: str, runtime: str
) -> None:
    """A model this small may spend most of its time in the layer kept in float."""
    kept = "layers in float on purpose take"
    told = [one for one in warnings_of(at(compression, runtime)) if kept not in one]
    assert told == []


def test_a_claim_on_the_float_model_would_be_flagged(at: AT) -> None:
    """So that silence above is no deafness."""
    operation = bench_wav2letter.build(at("fp32", "onnxruntime"))
    assert operation.profile is not None
    judged = judge(operation.profile(1), 1, "int8")
    assert sum(row.calls for row in judged.float_fallbacks) == 11
    assert claim_warnings(asdict(judged), "int8", Hardware.parse("cpu"))


def test_an_operation_tells_sizes_and_layers(at: AT) -> None:
    operation = bench_wav2letter.build(at("int8-static-keep-first", "onnxruntime"))
    details = operation.details
    assert details is not None
    assert operation.float_layers == 1
    kept = str(details["layers_kept_in_float"])
    assert kept.count(",") == 0
    assert kept != "none"
    assert operation.work.model_bytes is not None
    assert 0 < float(details["huffman_bytes"]) < operation.work.model_bytes
    assert 0 <= float(details["padding_percent"]) < 10
    assert operation.work.items == 1
    speech = builtin.load_or_build(builtin.SMOKE, Path(os.environ["SPEECHMARK_CACHE"]))
    assert details["corpus_checksum"] == speech.checksum
    assert operation.cycle == len(speech.validation)


def test_options_of_onnx_runtime_reach_it(at: AT) -> None:
    plain = wav2letter.Subject(at("fp32", "onnxruntime"))
    other = wav2letter.Subject(at("fp32", "onnxruntime", arena="off", graph="basic"))
    threads = len(os.sched_getaffinity(0))
    assert plain.running.session._options == OnnxRuntimeOptions(threads)
    assert other.running.session._options == OnnxRuntimeOptions(
        threads, arena=False, graph="basic"
    )


def test_a_decoder_hears_on_another_runtime_without_its_own_options(
    weights: Path, at: AT
) -> None:
    context = at("fp32", "numpy", beam="1")
    found = wav2letter.Subject(context, runtime="onnxruntime")
    assert (found.case.runtime, found.case.options) == ("onnxruntime", ())
    operation = bench_wav2letter_decoding.build(context)
    operation.step()
    assert operation.accuracy().metrics["cer"].n == len(found.data.validation.texts)


@pytest.mark.parametrize("model", ["wav2letter-small", "wav2letter-small-phonemes"])
def test_a_case_names_its_size(at: AT, model: str) -> None:
    context = at()
    case = replace(context.case, model=model)
    size = wav2letter.size_of(replace(context, case=case))
    assert isinstance(size, Wav2LetterSize)
    assert size.name == model
