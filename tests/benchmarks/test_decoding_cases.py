"""Decoding: what it decodes, on what it runs, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from small_cases import WAV2LETTER, ContextOf, SaveWeights

from benchmarks import bench_asr_decoding, bench_wav2letter_decoding
from benchmarks import decoding as decoding_cases
from benchmarks.decoding import beam_points, check_decodes_here
from benchmarks.inference import TimedModel, data_of
from harness.workload import Context, Operation, UnsupportedError
from workloads.feeding.choosing import evenly

pytestmark = pytest.mark.usefixtures("shipped")

BUILDS: dict[str, Callable[[Context], Operation]] = {
    "asr": bench_asr_decoding.build,
    "wav2letter": bench_wav2letter_decoding.build,
}


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("runtime", ["numpy", "flashlight"])
@pytest.mark.parametrize(
    ("hardware", "reason"),
    [
        ("cuda:0", "decoding runs on the CPU"),
        ("cpu:isa=avx2", "cap does not reach {runtime}, which decodes"),
    ],
)
def test_decoding_refuses_hardware_that_it_would_not_use(
    at: ContextOf, name: str, runtime: str, hardware: str, reason: str
) -> None:
    context = at(name, runtime=runtime, hardware=hardware, beam="1")
    with pytest.raises(UnsupportedError, match=reason.format(runtime=runtime)):
        BUILDS[name](context)


def test_a_cap_is_no_hindrance_to_what_it_reaches(at: ContextOf) -> None:
    """The best path is torch's on the runtime `eager`; flashlight's search is not."""
    refused = []
    for runtime in ("eager", "flashlight"):
        try:
            check_decodes_here(at("asr", runtime=runtime, hardware="cpu:isa=avx2"))
        except UnsupportedError:
            refused.append(runtime)
    assert refused == ["flashlight"]


@pytest.mark.parametrize("name", BUILDS)
def test_decoding_refuses_untrained_weights(at: ContextOf, name: str) -> None:
    """A search through noise takes another time."""
    with pytest.raises(UnsupportedError, match="no trained weights of"):
        BUILDS[name](at(name, runtime="numpy", beam="4"))


@pytest.mark.parametrize("name", BUILDS)
def test_a_cap_is_refused_before_any_data_are_made(
    at: ContextOf, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.inference.data_of", None)
    with pytest.raises(UnsupportedError, match="cap does not reach"):
        BUILDS[name](at(name, runtime="numpy", hardware="cpu:isa=avx2", beam="4"))


def test_a_decoder_takes_what_another_runtime_computes_without_its_own_options(
    at: ContextOf, save_weights: SaveWeights
) -> None:
    save_weights(WAV2LETTER)
    context = at("wav2letter", runtime="numpy", beam="1")
    found = TimedModel(context, WAV2LETTER.task, runtime="onnxruntime")
    assert (found.case.runtime, found.case.options) == ("onnxruntime", ())
    operation = bench_wav2letter_decoding.build(context)
    for _ in range(operation.cycle + 1):
        operation.step()
    texts = found.data.validation.texts
    assert operation.accuracy().metrics["cer"].n == len(texts)
    assert operation.cycle == min(16, len(texts))
    assert operation.details is not None
    assert operation.details["weights_sha256"] == found.weights.sha256
    assert operation.work.items == 1


def test_of_as_many_frames_the_shortest_utterance_is_timed_where_asked(
    at: ContextOf, save_weights: SaveWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all utterances one is timed; errors are counted over all in either order."""
    save_weights(WAV2LETTER)
    context = at("wav2letter", runtime="numpy", beam="1")
    alike = [np.full((9, WAV2LETTER.size.alphabet.outputs), 0.0, np.float32)] * 6
    monkeypatch.setattr(decoding_cases, "UTTERANCES", 1)
    monkeypatch.setattr(WAV2LETTER.task, "log_probs", lambda *_, **__: alike)
    plain, sorted_ = (
        decoding_cases.decoding(context, WAV2LETTER.task, "onnxruntime", first)
        for first in (False, True)
    )
    durations_s = data_of(context, WAV2LETTER.task).validation.durations_s
    (middle,) = evenly(range(len(durations_s)), 1)
    assert plain.work.audio_s == durations_s[middle]
    assert sorted_.work.audio_s == sorted(durations_s)[middle]
    before, after = (one.accuracy().metrics["cer"] for one in (plain, sorted_))
    assert (before.value, before.n) == (after.value, after.n)


def test_a_beam_of_one_is_the_best_path_on_a_runtime_of_its_own() -> None:
    points = beam_points("ds2-small", "eager", (1, 16), 7)
    assert [(p.runtime, p.options) for p in points] == [
        ("eager", (("beam", "1"),)),
        ("flashlight", (("beam", "16"),)),
    ]
