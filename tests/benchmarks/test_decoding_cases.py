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
from harness.profile import PROFILES
from harness.workload import Context, Operation, UnsupportedError, Workload
from workloads.feeding.choosing import evenly
from workloads.recognition.data import Decode, Part
from workloads.recognition.searches import SEARCHES

pytestmark = pytest.mark.usefixtures("shipped")

BUILDS: dict[str, Callable[[Context], Operation]] = {
    "asr": bench_asr_decoding.build,
    "wav2letter": bench_wav2letter_decoding.build,
}
WORKLOADS = (bench_asr_decoding.WORKLOAD, bench_wav2letter_decoding.WORKLOAD)


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize("runtime", ["numpy", *SEARCHES])
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


def test_a_cap_reaches_no_declared_case(at: ContextOf) -> None:
    """The best path is numpy's, whatever gave the log-probabilities."""
    for name, workload in zip(BUILDS, WORKLOADS, strict=True):
        for runtime in {case.runtime for case in workload.cases("paper", "cpu")}:
            context = at(name, runtime=runtime, hardware="cpu:isa=avx2")
            library = runtime if runtime in SEARCHES else "numpy"
            with pytest.raises(UnsupportedError, match=f"not reach {library}, which"):
                check_decodes_here(context)


@pytest.mark.parametrize("name", BUILDS)
def test_decoding_refuses_untrained_weights(at: ContextOf, name: str) -> None:
    """A search through noise takes another time."""
    with pytest.raises(UnsupportedError, match="no trained weights of"):
        BUILDS[name](at(name, runtime="numpy", beam="1"))


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


def test_points_are_of_each_runtime_at_its_beams() -> None:
    beams = {"eager": (1,), "flashlight": (16, 64)}
    points = beam_points("ds2-small", beams, 7)
    assert [(p.runtime, p.options) for p in points] == [
        ("eager", (("beam", "1"),)),
        ("flashlight", (("beam", "16"),)),
        ("flashlight", (("beam", "64"),)),
    ]
    assert {(p.model, p.compression, p.expected_s) for p in points} == {
        ("ds2-small", "fp32", 7)
    }


def test_a_search_that_is_not_installed_is_a_reason_to_skip(
    at: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "workloads.installed.find_spec",
        lambda module: None if module == "flashlight" else True,
    )
    context = at("asr", runtime="flashlight", beam="16")
    with pytest.raises(UnsupportedError, match="flashlight needs flashlight-text"):
        bench_asr_decoding.build(context)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one.name)
@pytest.mark.parametrize("profile", ["smoke", "quick", "standard", "paper"])
def test_every_profile_has_a_search_that_installs_everywhere(
    workload: Workload, profile: str
) -> None:
    searches = {case.runtime for case in workload.cases(profile, "cpu")}
    assert searches & {"kaldi-decoder", "fast-ctc-decode"}


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one.name)
def test_a_case_searches_by_the_library_that_it_names(workload: Workload) -> None:
    for profile in PROFILES:
        for case in workload.cases(profile, "cpu"):
            assert (case.runtime in SEARCHES) == (case.option("beam") != "1"), case.id


@pytest.mark.parametrize("search", ["flashlight", "fast-ctc-decode"])
def test_a_case_is_timed_and_judged_by_its_own_search(
    at: ContextOf,
    save_weights: SaveWeights,
    search: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if reason := SEARCHES[search].why_not_installed():
        pytest.skip(reason)
    save_weights(WAV2LETTER)
    asked: list[tuple[int, str | None]] = []
    real = WAV2LETTER.task.decoder

    def decoder(train: Part, width: int, search: str | None = None) -> Decode:
        asked.append((width, search))
        return real(train, width, search)

    monkeypatch.setattr(WAV2LETTER.task, "decoder", decoder)
    context = at("wav2letter", runtime=search, beam="3")
    operation = bench_wav2letter_decoding.build(context)
    operation.step()
    assert asked == [(3, search)]
    assert operation.accuracy().metrics["cer"].n > 0
