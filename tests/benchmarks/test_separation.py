"""The separation benchmark: its cases, what it refuses, what it tells."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from workloads.weights import trained_dir

from benchmarks import bench_separation, separation
from harness.case import Case
from harness.hardware import Hardware
from harness.profile import PAPER, SMOKE, Profile
from harness.workload import Context, UnsupportedError
from workloads.compression.names import parse
from workloads.compression.sparse import sizes as model_sizes_at
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.mixtures import builtin, libricss, librimix
from workloads.corpora.mixtures.scenes import MEETING
from workloads.elsewhere import ElsewhereError
from workloads.metrics.separation import Measure, SeparationScores
from workloads.separation import (
    compressing,
    counting,
    evaluation,
    models,
    sizes,
    trained,
)
from workloads.separation.counting import macs_of

SMALL = sizes.CONV_TASNET_SMALL
AT = Callable[..., Context]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def places(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shipped weights, few mixtures, and a cache that all these tests share."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(cache))
    monkeypatch.setattr(trained, "SHIPPED", tmp_path / "shipped")
    tiny = builtin.MixturesSize("tiny", train=2, validation=3)
    monkeypatch.setitem(separation.MIXTURES, "smoke", tiny)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """As if the small Conv-TasNet were trained, and shipped."""
    torch.manual_seed(1)
    path = tmp_path / "shipped" / f"{SMALL.name}.safetensors"
    trained.save(models.make(SMALL), {"command": "by hand"}, path)
    return path


@pytest.fixture
def at(tmp_path: Path) -> AT:
    """A smoke case, as a worker sees it."""

    def context(
        compression: str = "fp32",
        runtime: str = "eager",
        model: str = SMALL.name,
        batch_size: int = 1,
        hardware: str = "cpu",
        profile: Profile = SMOKE,
        data_root: Path | None = None,
        **options: str,
    ) -> Context:
        axes = ("separation", model, compression, runtime, hardware)
        return Context(
            case=Case(*axes, batch_size, tuple(options.items())),
            profile=profile,
            hardware=Hardware.parse(hardware),
            seed=0,
            scratch_dir=tmp_path,
            data_root=data_root,
            progress=lambda what, done, total: None,
        )

    return context


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"runtime": "onnxruntime", "hardware": "cuda:0"}, "is measured on the CPU"),
        ({"compression": "int8-dynamic"}, "no eager int8-dynamic"),
        (
            {"compression": "int8-dynamic", "runtime": "openvino"},
            "OpenVINO runs LSTMs, 1x1 convolutions",
        ),
        (
            {
                "compression": "int8-static",
                "runtime": "compile",
                "model": "dptnet-small",
            },
            "compile gets no int8-static of dptnet-small",
        ),
        ({"runtime": "openvino", "weights": "csr"}, "openvino has no sparse products"),
        ({"weights": "2of4"}, "2:4 sparse weights are for CUDA"),
        ({"hardware": "cuda:0,cuda:1"}, "use --hardware=cuda:0"),
        ({"compression": "tsvd-30"}, "tsvd-30 changes no layer of conv-tasnet-small"),
        ({"corpus": "mandarin", "data_root": Path()}, "of built-in mixtures"),
        ({"profile": PAPER}, "give --data-root, the folder that holds LibriMix"),
    ],
)
def test_what_cannot_run_is_skipped_with_the_reason(
    at: AT, asked: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        separation.Subject(at(**asked))


def test_every_declared_compression_is_known() -> None:
    for profile in bench_separation.WORKLOAD.points:
        for case in bench_separation.WORKLOAD.cases(profile, "cpu"):
            assert parse(case.compression).name == case.compression
            assert case.model in sizes.SIZES


def test_quick_has_all_architectures_and_families_and_more_than_one_runtime() -> None:
    cases = list(bench_separation.WORKLOAD.cases("quick", "cpu"))
    assert {case.model for case in cases} == {size.name for size in sizes.SMALL}
    assert {"eager", "onnxruntime", "openvino"} == {case.runtime for case in cases}
    names = {case.compression for case in cases}
    families = ("l1-structured", "unstructured", "tucker", "cp", "tsvd", "int8")
    for family in families:
        assert any(family in name for name in names), family


def test_standard_has_every_pruning_and_factorization_of_every_model() -> None:
    cases = bench_separation.WORKLOAD.cases("standard", "cpu")
    for model in ("lstm-tasnet", "conv-tasnet", "dptnet"):
        names = {c.compression for c in cases if c.model == model}
        assert len([n for n in names if n.startswith("prune-") and "+" not in n]) == 42
        assert {f"{m}-{p}" for m in ("cp", "tucker", "tsvd") for p in (10, 20, 30)} < (
            names
        )
        assert {"fp16", "bf16", "int8-dynamic", "int8-static", "int8-qat"} < names
        assert any(c.model == f"{model}-8" for c in cases)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_every_utterance_that_is_timed_lasts_four_seconds(
    at: AT, batch_size: int
) -> None:
    subject = separation.Subject(at(batch_size=batch_size))
    shapes = {waves.shape for waves in subject.inputs}
    assert shapes == {(batch_size, 32_000, 1)}
    assert len(subject.inputs) == {1: 3, 2: 2}[batch_size]
    work = subject.work
    assert (work.items, work.audio_s) == (batch_size, 4 * batch_size)
    assert work.macs == batch_size * SMALL.macs(32_000)
    assert work.parameters == sum(p.numel() for p in models.make(SMALL).parameters())
    assert work.model_bytes == 4 * work.parameters


def test_pruned_channels_are_gone_and_counted_as_gone(at: AT, weights: Path) -> None:
    subject = separation.Subject(at("prune-l1-structured-30"))
    module = subject.wanted.module()
    assert subject.work.macs == macs_of(module, 32_000) < 0.52 * SMALL.macs(32_000)
    details = subject.details
    assert (
        details["layers_left"] == "decoder: it has one output channel, which must stay"
    )
    assert details["weights_sha256"] == subject.weights.sha256


def test_zeros_tell_what_they_would_take_in_every_format(at: AT, weights: Path) -> None:
    subject = separation.Subject(at("prune-l1-unstructured-90"))
    details = subject.details
    assert details["zeros_percent"] == pytest.approx(90, abs=0.1)
    named = {name for name in details if name.endswith("_bytes")}
    assert len(named) == 8
    assert float(details["csr_bytes"]) < 0.25 * subject.running.model_bytes


def test_sparse_products_give_the_same_waveforms(at: AT, weights: Path) -> None:
    dense, sparse = (
        separation.Subject(at("prune-l1-unstructured-90", **options))
        for options in ({}, {"weights": "csr"})
    )
    assert sparse.details["layers_sparse"] == 37  # all of kernel 1
    found = [
        subject.running.session.output(subject.running.session.prepare(dense.inputs[0]))
        for subject in (dense, sparse)
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_without_fine_tuning_there_is_no_accuracy_but_the_command(
    at: AT, weights: Path
) -> None:
    accuracy = separation.Subject(at("tucker-30")).accuracy()
    assert not accuracy.metrics
    assert accuracy.reason is not None
    assert "not fine-tuned" in accuracy.reason
    command = "--size conv-tasnet-small --compression tucker-30"
    assert f"{trained.COMMAND} {command}" in accuracy.reason


def test_without_any_weights_the_training_is_named(at: AT) -> None:
    reason = separation.Subject(at()).accuracy().reason
    assert reason is not None
    assert f"{trained.COMMAND} --size conv-tasnet-small" in reason


def test_half_precision_is_compared_with_fp32_over_the_same_mixtures(
    at: AT, weights: Path
) -> None:
    plain = separation.Subject(at()).accuracy().metrics["si_sdr_improvement"]
    metrics = separation.Subject(at("bf16")).accuracy().metrics
    found = metrics["si_sdr_improvement"]
    assert list(metrics) == ["si_sdr", "si_sdr_improvement", "snr_rescaled"]
    assert found.baseline_case == "separation/conv-tasnet-small/fp32/eager/cpu/b1"
    assert found.difference == pytest.approx(found.value - plain.value, abs=1e-4)
    assert found.gate == pytest.approx(0.05 * abs(plain.value), rel=1e-4)
    assert (found.better, found.n) == ("higher", 3)
    assert metrics["si_sdr"].gate is None


def test_making_the_module_is_not_in_the_timed_process(
    at: AT, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its peak memory would be that of pruning, or of eight storage formats."""
    separation.Subject(at("prune-l1-unstructured-90"))  # makes it, elsewhere
    for name in ("load", "compress", "layers_of"):
        monkeypatch.setattr(compressing, name, None)
    monkeypatch.setattr(model_sizes_at, "model_sizes", None)
    monkeypatch.setattr(counting, "macs_of", None)
    subject = separation.Subject(at("prune-l1-unstructured-90"))
    assert subject.work.macs == SMALL.macs(32_000)


def test_a_compression_without_a_baseline_has_no_gate(
    at: AT, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"{SMALL.name}-prune-l1-unstructured-50.safetensors"
    path = tmp_path / "shipped" / name
    trained.save(models.make(SMALL), {"command": "by hand"}, path)
    metrics = separation.Subject(at("prune-l1-unstructured-50")).accuracy().metrics
    assert metrics["si_sdr_improvement"].gate is None
    assert "no gate, for want of a baseline in fp32" in caplog.text


def test_a_baseline_that_cannot_be_scored_leaves_what_was_measured(
    at: AT,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    subject = separation.Subject(at("bf16"))

    def killed(*_: object) -> SeparationScores:
        raise ElsewhereError("its process ended by SIGKILL")

    monkeypatch.setattr(evaluation, "baseline_scores", killed)
    found = subject.accuracy().metrics["si_sdr_improvement"]
    assert (found.n, found.gate) == (3, None)
    assert "could not be scored: its process ended by SIGKILL" in caplog.text


def test_a_baseline_that_heard_another_corpus_gives_no_gate(
    at: AT, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = trained_dir(separation.Subject(at()).data.checksum)
    name = f"{SMALL.name}-prune-l1-unstructured-50.safetensors"
    trained.save(models.make(SMALL), {"command": "by hand"}, own / name)
    metrics = separation.Subject(at("prune-l1-unstructured-50")).accuracy().metrics
    assert metrics["si_sdr_improvement"].gate is None
    assert f"{weights}, its baseline, one alone was trained on this" in caplog.text
    (own / name).unlink()  # the cache is shared


def test_the_baseline_is_judged_on_the_same_corpus(at: AT, weights: Path) -> None:
    metrics = separation.Subject(at("bf16", corpus="mandarin")).accuracy().metrics
    found = metrics["si_sdr_improvement"].baseline_case
    assert found == "separation/conv-tasnet-small/fp32/eager/cpu/b1/corpus=mandarin"


def scores(*improvements: float) -> SeparationScores:
    return SeparationScores(
        tuple(
            Measure(name, improvements)
            for name in ("si_sdr", "si_sdr_improvement", "snr_rescaled")
        )
    )


@pytest.mark.parametrize(("lost", "passed"), [(0.49, True), (0.51, False)])
def test_a_twentieth_of_the_improvement_may_be_lost(lost: float, passed: bool) -> None:
    before = scores(9.0, 11.0)
    after = scores(9.0 - lost, 11.0 - lost)
    metric = separation.judged(after, before, "its baseline").metrics
    assert metric["si_sdr_improvement"].passed is passed
    assert metric["snr_rescaled"].passed is None


@pytest.mark.parametrize("baseline", [None, scores(9.0, 11.0)])
def test_silence_in_place_of_speech_fails_whatever_the_numbers_say(
    baseline: SeparationScores | None, caplog: pytest.LogCaptureFixture
) -> None:
    quiet = dataclasses.replace(scores(9.5, 11.5), silent_estimates=3)
    metric = separation.judged(quiet, baseline, baseline and "its baseline").metrics
    found = metric["si_sdr_improvement"]
    assert found.passed is False
    assert found.fault is not None
    assert found.fault.startswith("3 estimates of sources that speak are silent")
    assert found.fault in caplog.text
    assert metric["si_sdr"].fault is None


def test_mandarin_is_another_corpus(at: AT) -> None:
    plain, other = (
        separation.Subject(at(**options)).details
        for options in ({}, {"corpus": "mandarin"})
    )
    assert plain["corpus_checksum"] != other["corpus_checksum"]
    assert "mandarin" in str(other["corpus"])


def test_a_users_corpus_takes_the_place_of_the_built_in_one(
    at: AT, tmp_path: Path
) -> None:
    made = builtin.MixturesSize("own", train=1, validation=2)
    corpus = builtin.load_or_build(made, default_cache_dir(), 8_000)
    librimix.write(corpus.train, tmp_path, "train-100")
    librimix.write(corpus.validation, tmp_path, "dev")
    found = separation.dataset_of(at(data_root=tmp_path))
    assert len(found.train.mixtures) == 1
    assert len(found.validation.mixtures) == 2
    assert "libri" in found.name


def test_a_root_without_mixtures_skips_with_that_reason(at: AT, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="--data-root: no corpus of mixtures"):
        separation.dataset_of(at(data_root=tmp_path))


def test_what_a_users_corpus_lacks_for_training_is_built_in(
    at: AT, tmp_path: Path
) -> None:
    made = builtin.MixturesSize("own", train=1, validation=6)
    corpus = builtin.load_or_build(
        made.fitted(MEETING), default_cache_dir(), 16_000, MEETING
    )
    libricss.write(corpus.validation, tmp_path, "OV20")
    found = separation.dataset_of(at(model="conv-tasnet-8", data_root=tmp_path))
    assert found.train.mixtures
    assert found.name.startswith("builtin-meeting-tiny+libricss")
