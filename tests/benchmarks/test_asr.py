"""What the speech recognition benchmarks share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from workloads.asr.input_pipeline import Batch
from workloads.asr.trained import COMMAND, load_trained, save_trained
from workloads.weights import trained_dir

from benchmarks import (
    asr,
    bench_asr_decoding,
    bench_asr_inference,
    bench_asr_input,
    bench_asr_step,
    common,
)
from benchmarks.bench_asr_training import BUILTIN_TARGETS, LIBRISPEECH_TARGETS
from benchmarks.bench_asr_training import build as build_training
from harness.case import Case
from harness.hardware import Hardware
from harness.profile import PAPER, SMOKE
from harness.workload import Context, UnsupportedError
from workloads.asr.ds2 import DS2_SMALL, DeepSpeech2
from workloads.corpora import builtin, librispeech
from workloads.elsewhere import ElsewhereError
from workloads.feeding.normaliser import Normaliser


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def context(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A smoke case, as a worker sees it."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(cache))
    return Context(
        case=Case("asr-training", "ds2-small", "fp32", "eager", "cpu", 8),
        profile=SMOKE,
        hardware=Hardware.parse("cpu"),
        seed=3,
        scratch_dir=tmp_path,
        data_root=None,
        progress=lambda what, done, total: None,
    )


def on(context: Context, compression: str, **changes: object) -> Context:
    case = replace(context.case, compression=compression)
    return replace(context, case=case, **changes)  # type: ignore[arg-type]


def test_a_recipe_takes_batch_precision_and_seed_from_the_case(
    context: Context,
) -> None:
    recipe = asr.recipe_of(on(context, "bf16"))
    assert (recipe.batch_size, recipe.precision, recipe.seed) == (8, "bf16", 3)


def test_fp16_trains_on_cuda_alone(context: Context) -> None:
    with pytest.raises(UnsupportedError, match="fp16 trains on CUDA only"):
        asr.recipe_of(on(context, "fp16"))
    cuda = on(context, "fp16", hardware=Hardware.parse("cuda:0"))
    assert asr.recipe_of(cuda).precision == "fp16"


def test_the_paper_profile_asks_for_librispeech(context: Context) -> None:
    with pytest.raises(UnsupportedError, match="give --data-root"):
        asr.corpus_of(replace(context, profile=PAPER))


def test_a_data_root_takes_the_place_of_the_built_in_speech(
    context: Context, tmp_path: Path, cache: Path
) -> None:
    speech = builtin.load_or_build(builtin.SMOKE, cache)
    librispeech.write(speech.train, tmp_path, "train-clean-100")
    librispeech.write(speech.validation, tmp_path, "dev-clean")
    corpus = asr.corpus_of(replace(context, data_root=tmp_path))
    assert {u.transcript for u in corpus.train} == {u.transcript for u in speech.train}
    assert (
        common.corpus_details(corpus)["corpus"]
        != common.corpus_details(speech)["corpus"]
    )


@pytest.fixture
def users(context: Context, tmp_path: Path, cache: Path) -> Context:
    """A smoke case on a LibriSpeech of the user's."""
    speech = builtin.load_or_build(builtin.SMOKE, cache)
    librispeech.write(speech.train, tmp_path / "own", "train-clean-100")
    librispeech.write(speech.validation, tmp_path / "own", "dev-clean")
    return replace(context, data_root=tmp_path / "own")


def test_a_root_without_librispeech_skips_with_that_reason(
    context: Context, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=r"--data-root: no training subset"):
        asr.corpus_of(replace(context, data_root=tmp_path))


def test_shipped_weights_on_a_users_corpus_say_that_they_never_saw_it(
    context: Context, users: Context, caplog: pytest.LogCaptureFixture
) -> None:
    asr.trained_model(context, asr.corpus_of(context))
    assert caplog.text == ""
    asr.trained_model(users, asr.corpus_of(users))
    assert "were trained on other speech than librispeech-train-clean" in caplog.text
    assert f"`{COMMAND} --size ds2-small --data-root DIR`" in caplog.text


def test_weights_of_the_users_corpus_come_first_and_say_nothing(
    users: Context, caplog: pytest.LogCaptureFixture
) -> None:
    corpus, shipped = asr.corpus_of(users), load_trained("ds2-small")
    facts = {"corpus_checksum": corpus.checksum, "command": "by hand"}
    path = trained_dir(corpus.checksum) / "ds2-small.safetensors"
    state = {name: 0 * value for name, value in shipped.model.state_dict().items()}
    save_trained(state, shipped.normaliser, facts, path)
    found = asr.trained_model(users, corpus)
    assert (found.sha256 != shipped.sha256, caplog.text) == (True, "")
    assert load_trained("ds2-small").sha256 == shipped.sha256


def test_values_are_those_of_the_very_weights_that_are_timed(users: Context) -> None:
    """Wherever they were found: shipped ones would be told wrong."""
    corpus, shipped = asr.corpus_of(users), load_trained("ds2-small")
    torch.manual_seed(7)
    state = DeepSpeech2(DS2_SMALL).state_dict()
    path = trained_dir(corpus.checksum) / "ds2-small.safetensors"
    save_trained(state, shipped.normaliser, {"command": "by hand"}, path)
    inputs = [(torch.randn(1, 60, 93), torch.tensor([60]))]
    for context in (on(users, "fp32"), on(users, "bf16")):
        found = asr.trained_model(context, corpus)
        found.model.to(asr.dtype_of(context))
        given = [(one.to(asr.dtype_of(context)), length) for one, length in inputs]
        values = asr.forward_values(context, found, given)
        assert (values.passed, found.path) == (True, path), values


def test_what_has_no_plain_outputs_is_unproven_not_broken(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> dict[str, np.ndarray]:
        raise ElsewhereError("its process ended by SIGKILL")

    monkeypatch.setattr(asr, "plain_outputs", killed)
    inputs = [(torch.randn(1, 60, 93), torch.tensor([60]))]
    batch = Batch((0,), *inputs[0], torch.tensor([[1]]), torch.tensor([1]))
    for found in (
        asr.forward_values(context, load_trained("ds2-small"), inputs),
        asr.step_values(context, batch),
    ):
        assert found.reason == "no plain outputs: its process ended by SIGKILL"


BUILDS = (
    bench_asr_inference.build,
    bench_asr_step.build,
    bench_asr_input.build_features,
    bench_asr_input.build_input,
)


@pytest.mark.parametrize("build", BUILDS)
def test_what_cannot_be_spread_over_devices_says_so(
    build: Callable[[Context], object], context: Context
) -> None:
    two = replace(context, hardware=Hardware.parse("cuda:0,cuda:1"))
    with pytest.raises(UnsupportedError, match="use --hardware=cuda:0"):
        build(two)


def test_decoding_refuses_a_gpu_that_it_would_not_use(context: Context) -> None:
    cuda = replace(context, hardware=Hardware.parse("cuda:0"))
    with pytest.raises(UnsupportedError, match="decoding runs on the CPU"):
        bench_asr_decoding.build(cuda)


@pytest.mark.parametrize(
    ("runtime", "reason"),
    [
        ("flashlight", "cap does not reach flashlight"),
        ("eager", "no trained weights of ds2-paper"),  # the cap is no hindrance
    ],
)
def test_a_beam_search_alone_refuses_a_cap_that_does_not_reach_it(
    context: Context, runtime: str, reason: str
) -> None:
    case = replace(context.case, model="ds2-paper", runtime=runtime)
    capped = replace(context, case=case, hardware=Hardware.parse("cpu:isa=avx2"))
    with pytest.raises(UnsupportedError, match=reason):
        bench_asr_decoding.build(capped)


def test_decoding_refuses_untrained_weights(context: Context) -> None:
    case = replace(context.case, model="ds2-paper", options=(("beam", "4"),))
    with pytest.raises(UnsupportedError, match="no trained weights of ds2-paper"):
        bench_asr_decoding.build(replace(context, case=case))


def test_the_input_pipeline_streams_more_than_it_holds_at_once(
    context: Context,
) -> None:
    def built(readers: int, prefetch: int) -> float:
        options = (
            ("features", "shards"),
            ("readers", str(readers)),
            ("prefetch", str(prefetch)),
        )
        case = replace(context.case, options=options)
        operation = bench_asr_input.build_input(replace(context, case=case))
        operation.step()
        return operation.work.items

    assert built(readers=2, prefetch=20) >= 2 * 20 * context.case.batch_size * 0.5
    assert built(readers=2, prefetch=20) > 2 * built(readers=2, prefetch=1)


def test_a_size_without_weights_is_timed_untrained_with_a_warning(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    paper = replace(context, case=replace(context.case, model="ds2-paper"))
    reason = asr.trained_model(paper, asr.corpus_of(context)).reason
    assert reason is not None
    assert "workloads.asr.train_weights --size ds2-paper" in reason
    assert "timed on untrained weights" in caplog.text


def test_compressed_accuracy_stands_beside_the_baseline_on_the_same_utterances(
    context: Context,
) -> None:
    _, feed = asr.feed_of(context)
    trained = load_trained("ds2-small")
    trained.model.to(torch.bfloat16)
    found = asr.model_accuracy(on(context, "bf16"), trained, feed, gate=0.01)
    metric = found.metrics["cer"]
    assert metric.baseline_case == "asr-training/ds2-small/fp32/eager/cpu/b8"
    assert metric.difference is not None
    assert abs(metric.difference) < 0.02
    assert metric.passed == (metric.difference <= 0.01)


def test_accuracy_is_of_inputs_normalised_as_the_timed_ones_are(
    context: Context,
) -> None:
    _, feed = asr.feed_of(context)
    trained = load_trained("ds2-small")
    expected = asr.model_accuracy(context, trained, feed, 0.01).metrics["cer"]
    ones = np.ones(93, np.float32)
    foreign = replace(feed, normaliser=Normaliser(5 * ones, 9 * ones))
    assert (
        asr.model_accuracy(context, trained, foreign, 0.01).metrics["cer"] == expected
    )


def test_a_record_tells_the_checksum_of_its_weights(context: Context) -> None:
    trained = load_trained("ds2-small")
    corpus = asr.corpus_of(context)
    details = common.corpus_details(corpus, trained.sha256)
    assert details["weights_sha256"] == trained.sha256
    assert "weights_sha256" not in common.corpus_details(corpus)


def test_the_paper_profile_evaluates_with_the_documents_beam(context: Context) -> None:
    assert asr.recipe_of(context).beam_width == 32
    assert asr.recipe_of(replace(context, profile=PAPER)).beam_width == 256


def test_a_training_keeps_its_accuracy_where_the_budget_ends_before_an_epoch(
    context: Context,
) -> None:
    killed = build_training(context).events(dict)
    for event in killed:
        if event.kind == "state" and event.epoch == 2 and event.state == "train":
            break
    killed.close()
    resumed = build_training(context)
    next(resumed.events(dict))
    assert resumed.accuracy().metrics["wer"].n > 0


def test_a_ruined_compression_fails_its_gate(context: Context) -> None:
    _, feed = asr.feed_of(context)
    ones = torch.ones(93).numpy()
    model, normaliser = DeepSpeech2(DS2_SMALL).eval(), Normaliser(0 * ones, ones)
    ruined = replace(load_trained("ds2-small"), model=model, normaliser=normaliser)
    metric = asr.model_accuracy(on(context, "bf16"), ruined, feed, 0.01).metrics["cer"]
    assert metric.difference is not None
    assert metric.difference > 0.3
    assert metric.passed is False


def test_a_training_has_the_targets_of_its_corpus() -> None:
    for targets in (BUILTIN_TARGETS, LIBRISPEECH_TARGETS):
        assert [target.metric for target in targets] == ["cer"] * 3 + ["wer"] * 3
    assert [t.level for t in LIBRISPEECH_TARGETS] == [
        0.1,
        0.08,
        0.07,
        0.22,
        0.202,
        0.192,
    ]


def test_a_training_goes_on_from_the_checkpoint_of_a_killed_run(
    context: Context,
) -> None:
    notes = {"elapsed_s": 12.5}
    killed = build_training(context).events(lambda: notes)
    for event in killed:
        if event.kind == "state" and event.state == "train" and event.epoch == 3:
            break
    killed.close()
    events = build_training(context).events(lambda: notes)
    begun = [next(events) for _ in range(3)]
    assert [event.kind for event in begun] == ["state", "resumed", "step"]
    assert begun[1].saved == notes
    assert begun[2].epoch == 3
