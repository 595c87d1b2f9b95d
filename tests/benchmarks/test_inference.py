"""The one way to time a model: what it refuses, whose data and weights it takes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import paper_arrays
import pytest
from small_cases import (
    SEPARATION,
    SMALL,
    TINY,
    WAV2LETTER,
    ContextOf,
    SaveWeights,
    Small,
    timed,
    write_speech,
)
from written_corpora import write_libricss

from benchmarks import inference as timing
from benchmarks.inference import (
    data_details,
    data_of,
    inference,
)
from harness.profile import PAPER
from harness.workload import UnsupportedError
from workloads.corpora.cache import default_cache_dir
from workloads.corpora.mixtures import builtin as mixtures
from workloads.corpora.mixtures.scenes import MEETING
from workloads.runtimes.onnx_runtime import OnnxRuntime
from workloads.runtimes.session import OperatorMissingError
from workloads.training import weights
from workloads.training.weights import trained_dir
from workloads.wav2letter import arrays
from workloads.wav2letter.symbols import LETTERS

pytestmark = pytest.mark.usefixtures("shipped")


@pytest.mark.parametrize(
    ("name", "asked", "reason"),
    [
        ("asr", {"runtime": "onnxruntime", "hardware": "cuda:0"}, "measured on the CP"),
        ("asr", {"compression": "int8-static"}, "torch has no eager int8-static conv"),
        (
            "asr",
            {"compression": "int8-static", "runtime": "compile"},
            "compile gets no int8-static of it",
        ),
        ("wav2letter", {"compression": "tucker-30"}, "tucker-30 is not for Wav2Letter"),
        (
            "wav2letter",
            {"compression": "prune-random-unstructured-50"},
            "it takes prune-l1-unstructured-PERCENT alone",
        ),
        (
            "separation",
            {"compression": "int8-dynamic", "runtime": "openvino"},
            "OpenVINO runs LSTMs, 1x1 convolutions",
        ),
        (
            "separation",
            {
                "compression": "int8-static",
                "runtime": "compile",
                "model": "dptnet-small",
            },
            "compile gets no int8-static of it",
        ),
        ("separation", {"runtime": "openvino", "weights": "csr"}, "no sparse products"),
        ("separation", {"weights": "2of4"}, "2:4 sparse weights are for CUDA"),
        (
            "separation",
            {"compression": "tsvd-30"},
            "tsvd-30 changes no layer of conv-tasnet-small: .*: tsvd changes only",
        ),
        (
            "separation",
            {"corpus": "mandarin", "data_root": Path()},
            "this case is of built-in mixtures: no --data-root",
        ),
        ("asr", {"profile": PAPER}, "give --data-root, the folder that holds LibriSp"),
        ("wav2letter", {"profile": PAPER}, r"give --data-root, .*train\.npy and dev"),
        ("separation", {"profile": PAPER}, "the folder that holds LibriMix, Aishell1"),
    ],
)
def test_what_cannot_run_is_skipped_with_the_reason(
    at: ContextOf, name: str, asked: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        inference(at(name, **asked), SMALL[name].task)


def test_a_case_of_a_runtime_that_is_not_installed_is_skipped(
    at: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OnnxRuntime, "packages", ("absent_engine",))
    with pytest.raises(UnsupportedError, match="needs absent_engine: run `pip"):
        inference(at("wav2letter", runtime="onnxruntime"), WAV2LETTER.task)


def test_several_devices_are_refused(small: Small, at: ContextOf) -> None:
    two = at(small.task.name, hardware="cuda:0,cuda:1")
    with pytest.raises(UnsupportedError, match="use --hardware=cuda:0"):
        inference(two, small.task)


def test_a_kernel_that_is_missed_at_the_first_run_skips_the_case(
    at: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As OpenVINO misses its bf16 convolution under a cap of AVX2: to prepare the first
    input is to run it."""
    found = timed(at("wav2letter", runtime="openvino"))

    def run(prepared: object) -> None:
        raise OperatorMissingError("OpenVINO", "Convolution", "first", "raise the cap")

    monkeypatch.setattr(found.open.session, "run", run)
    monkeypatch.setattr(timing, "TimedModel", lambda *_: found)
    with pytest.raises(UnsupportedError, match=r"operator Convolution .*: raise the"):
        inference(at("wav2letter", runtime="openvino"), WAV2LETTER.task)


def test_a_root_without_the_tasks_data_skips_with_that_reason(
    small: Small, at: ContextOf, tmp_path: Path
) -> None:
    reasons = {
        "asr": "--data-root: no training subset",
        "wav2letter": r"--data-root: no train\.npy .*; or no training subset",
        "separation": "--data-root: no corpus of mixtures",
        "spoof": "--data-root: no ASVspoof2019_LA_cm_protocols",
    }
    context = at(small.task.name, data_root=tmp_path)
    with pytest.raises(UnsupportedError, match=reasons[small.task.name]):
        inference(context, small.task)


def test_a_data_root_takes_the_place_of_the_built_in_data(
    small: Small, at: ContextOf, users: Path
) -> None:
    name = small.task.name
    own = data_of(at(name, data_root=users), small.task)
    built_in = data_of(at(name), small.task)
    assert own.name.startswith(("libri", "asvspoof2019"))
    assert built_in.name.startswith("builtin")
    assert own.checksum != built_in.checksum
    assert own.is_whole


def test_the_papers_arrays_come_before_librispeech(
    at: ContextOf, tmp_path: Path
) -> None:
    write_speech(tmp_path)
    features = [np.ones((30, 40), np.float32) * i for i in range(3)]
    paper_arrays.write(tmp_path, LETTERS, arrays.TRAIN, features, ["a", "b", "c"])
    paper_arrays.write(tmp_path, LETTERS, arrays.DEV, features[:1], ["no"])
    found = data_of(at("wav2letter", data_root=tmp_path), WAV2LETTER.task)
    assert (found.name, found.validation.texts) == ("arrays-letters", ("no",))


def test_what_a_users_corpus_lacks_for_training_is_built_in(
    at: ContextOf, tmp_path: Path
) -> None:
    """LibriCSS has a part to judge on alone: no weights can be its own."""
    made = mixtures.MixturesSize("own", train=1, validation=6)
    corpus = mixtures.load_or_build(
        made.fitted(MEETING), default_cache_dir(), 16_000, MEETING
    )
    write_libricss(corpus.validation, tmp_path, "OV20")
    context = at("separation", model="conv-tasnet-8", data_root=tmp_path)
    found = data_of(context, SEPARATION.task)
    assert found.train.mixtures
    assert found.name.startswith(f"builtin-meeting-{TINY.name}+libricss")
    assert not found.is_whole


def test_mandarin_is_another_corpus(at: ContextOf) -> None:
    plain = data_of(at("separation"), SEPARATION.task)
    other = data_of(at("separation", corpus="mandarin"), SEPARATION.task)
    assert plain.checksum != other.checksum
    assert "mandarin" in other.name


def test_the_details_of_data_tell_what_was_dropped() -> None:
    facts = {"dropped: over 16.7 s": 2}
    data = SimpleNamespace(name="speech", checksum="abc", facts=facts)
    expected = {"corpus": "speech", "corpus_checksum": "abc", **facts}
    assert data_details(data) == expected


def test_untrained_weights_are_timed_with_a_warning_and_judged_by_nothing(
    small: Small, at: ContextOf, caplog: pytest.LogCaptureFixture
) -> None:
    found = timed(at(small.task.name))
    accuracy = found.accuracy()
    assert accuracy.metrics == {}
    assert accuracy.reason is not None
    assert f"run `{weights.command_for(small.size)}`" in accuracy.reason
    assert f"no accuracy: {accuracy.reason}" in caplog.text
    assert "weights_sha256" not in found.details


@pytest.mark.parametrize(
    ("name", "compression", "runtime"),
    [
        ("separation", "tucker-30", "eager"),
        ("wav2letter", "int8-qat", "onnxruntime"),
    ],
)
def test_weights_after_a_compression_are_asked_for_by_their_own_command(
    at: ContextOf,
    save_weights: SaveWeights,
    name: str,
    compression: str,
    runtime: str,
) -> None:
    plain = save_weights(SMALL[name])
    found = timed(at(name, compression, runtime))
    assert found.weights.path == plain
    accuracy = found.accuracy()
    assert not accuracy.metrics
    assert accuracy.reason is not None
    assert accuracy.reason.startswith("not trained after its compression: ")
    assert weights.command_for(SMALL[name].size, compression) in accuracy.reason


def test_a_record_tells_the_checksum_of_the_very_weights(
    small: Small, at: ContextOf, save_weights: SaveWeights
) -> None:
    path = save_weights(small)
    found = timed(at(small.task.name))
    assert found.weights.path == path
    assert found.details["weights_sha256"] == found.weights.sha256
    assert found.details["corpus_checksum"] == found.data.checksum


@pytest.fixture
def own(small: Small, at: ContextOf, users: Path) -> Iterator[Path]:
    """Where weights lie that were trained on the user's corpus."""
    data = data_of(at(small.task.name, data_root=users), small.task)
    folder = trained_dir(data.checksum)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # the cache is shared


def test_foreign_weights_on_a_users_corpus_say_that_they_never_saw_it(
    small: Small,
    at: ContextOf,
    users: Path,
    save_weights: SaveWeights,
    caplog: pytest.LogCaptureFixture,
) -> None:
    save_weights(small)
    timed(at(small.task.name))
    assert caplog.text == ""
    own = timed(at(small.task.name, data_root=users)).data.name
    assert f"these weights were trained on other speech than {own}" in caplog.text
    assert f"`{weights.command_for(small.size)} --data-root DIR`" in caplog.text


def test_weights_of_the_users_corpus_come_first_and_say_nothing(
    small: Small,
    at: ContextOf,
    users: Path,
    own: Path,
    save_weights: SaveWeights,
    caplog: pytest.LogCaptureFixture,
) -> None:
    save_weights(small)
    checksum = data_of(at(small.task.name, data_root=users), small.task).checksum
    path = save_weights(small, folder=own, seed=2, corpus_checksum=checksum)
    caplog.clear()  # of what a part of a corpus says
    found = timed(at(small.task.name, data_root=users))
    assert found.weights.path == path
    assert "trained on other speech" not in caplog.text
    assert found.values(None).passed, "values are those of the very weights"


def test_inputs_are_normalised_as_the_weights_were_trained(
    at: ContextOf, save_weights: SaveWeights
) -> None:
    ones = np.ones(40, np.float32)
    foreign = {"normaliser.mean": 5 * ones, "normaliser.std": 9 * ones}
    built_in = data_of(at("wav2letter"), WAV2LETTER.task)
    assert set(WAV2LETTER.task.constants(built_in)) == set(foreign)
    task = type(WAV2LETTER.task)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "constants", lambda *_: foreign)
        save_weights(WAV2LETTER)
    found = timed(at("wav2letter"))
    assert set(found.data.normaliser.mean) == {5.0}
    expected = WAV2LETTER.task.inputs(found.size, found.data, 1, {})
    np.testing.assert_array_equal(found.inputs[0].features, expected[0].features)
