"""How a model that is timed is judged: gates, baselines, values."""

from __future__ import annotations

import shutil

import pytest
from small_cases import (
    SEPARATION,
    SMALL,
    TINY,
    ContextOf,
    SaveWeights,
    timed,
)

from benchmarks import inference as timing
from benchmarks.inference import (
    data_of,
)
from workloads.elsewhere import ElsewhereError
from workloads.training import weights
from workloads.training.weights import trained_dir

pytestmark = pytest.mark.usefixtures("shipped")


@pytest.mark.parametrize(
    ("name", "allowed", "is_share"),
    [("asr", 0.01, False), ("wav2letter", 0.02, True), ("separation", 0.05, True)],
)
def test_a_compression_is_held_against_fp32_over_the_same_items(
    at: ContextOf, save_weights: SaveWeights, name: str, allowed: float, is_share: bool
) -> None:
    small = SMALL[name]
    save_weights(small)
    plain = timed(at(name, batch_size=2)).accuracy().metrics
    assert {one.gate for one in plain.values()} == {None}
    assert {one.baseline_case for one in plain.values()} == {None}
    metrics = timed(at(name, "bf16", batch_size=2)).accuracy().metrics
    assert list(metrics) == list(plain)
    found, before = metrics[small.gated], plain[small.gated].value
    assert found.n == plain[small.gated].n
    assert found.difference == pytest.approx(found.value - before, abs=1e-4)
    expected = allowed * abs(before) if is_share else allowed
    assert found.gate == pytest.approx(expected, rel=1e-3)
    assert found.passed is not None
    assert {one.baseline_case for one in metrics.values()} == {
        f"{name}/{small.model}/fp32/eager/cpu/b2"
    }
    ungated = set(metrics) - set(small.task.gates)
    assert {metrics[one].gate for one in ungated} <= {None}


def test_what_an_accuracy_is_made_of_tells_weights_baseline_and_data_apart(
    at: ContextOf, save_weights: SaveWeights
) -> None:
    save_weights(SEPARATION, seed=0)
    stated = timed(at("separation", "bf16")).operation().accuracy_from
    assert stated is not None
    assert stated == timed(at("separation", "bf16")).accuracy_from
    pruned = timed(at("separation", "prune-l1-unstructured-50")).accuracy_from
    assert pruned["compressed"] != stated["compressed"]
    assert pruned["baseline"] == stated["baseline"]
    mandarin = timed(at("separation", "bf16", corpus="mandarin")).accuracy_from
    assert mandarin["corpus"] != stated["corpus"]
    save_weights(SEPARATION, seed=1)
    trained_again = timed(at("separation", "bf16")).accuracy_from
    assert trained_again["weights"] != stated["weights"]
    assert trained_again["baseline"] != stated["baseline"]


@pytest.mark.parametrize("options", [{"corpus": "mandarin"}, {"weights": "csr"}])
def test_the_baseline_is_of_the_same_data_and_of_no_other_option(
    at: ContextOf, save_weights: SaveWeights, options: dict[str, str]
) -> None:
    save_weights(SEPARATION)
    found = timed(at("separation", "bf16", **options))
    expected = "separation/conv-tasnet-small/fp32/eager/cpu/b1"
    more = "/corpus=mandarin" if "corpus" in options else ""
    assert found.baseline_case == expected + more


@pytest.mark.parametrize(
    ("name", "compression", "runtime"),
    [
        ("separation", "prune-l1-unstructured-50", "eager"),
        ("wav2letter", "int8-qat", "onnxruntime"),
    ],
)
def test_without_a_baseline_there_is_no_gate(
    at: ContextOf,
    save_weights: SaveWeights,
    caplog: pytest.LogCaptureFixture,
    name: str,
    compression: str,
    runtime: str,
) -> None:
    """The weights for the compression are trained, those of fp32 are not."""
    small = SMALL[name]
    save_weights(small, compression)
    caplog.clear()
    accuracy = timed(at(name, compression, runtime)).accuracy()
    metric = accuracy.metrics[small.gated]
    assert accuracy.reason is None
    assert (metric.baseline_case, metric.difference, metric.gate) == (None,) * 3
    (warning,) = [one.getMessage() for one in caplog.records]
    assert warning.startswith("no gate, for want of a baseline in fp32: no trained")
    assert f"run `{weights.command_for(small.size)}`" in warning


def test_a_baseline_of_another_corpus_gives_no_gate(
    at: ContextOf, save_weights: SaveWeights, caplog: pytest.LogCaptureFixture
) -> None:
    """A gate would compare what was trained on, not what a pruning costs."""
    compression = "prune-l1-unstructured-50"
    plain = save_weights(SEPARATION)
    own = trained_dir(data_of(at("separation"), SEPARATION.task).checksum)
    try:
        save_weights(SEPARATION, compression, own)
        found = timed(at("separation", compression)).accuracy().metrics
        assert found[SEPARATION.gated].gate is None
        assert f"{plain}, its baseline, one alone was trained on this" in caplog.text
        save_weights(SEPARATION, folder=own)
        found = timed(at("separation", compression)).accuracy().metrics
        assert found[SEPARATION.gated].gate is not None
    finally:
        shutil.rmtree(own, ignore_errors=True)  # the cache is shared


@pytest.mark.parametrize("fault", [ElsewhereError, OSError])
def test_a_baseline_that_cannot_be_scored_leaves_what_was_measured(
    at: ContextOf,
    save_weights: SaveWeights,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: type[Exception],
) -> None:
    save_weights(SEPARATION)
    found = timed(at("separation", "bf16"))

    def killed(*_: object) -> None:
        raise fault("its process ended by SIGKILL")

    monkeypatch.setattr(timing, "baseline_scores", killed)
    metric = found.accuracy().metrics[SEPARATION.gated]
    assert (metric.n, metric.gate) == (TINY.validation, None)
    assert "could not be scored: its process ended by SIGKILL" in caplog.text


def test_what_has_no_plain_outputs_is_unproven_not_broken(
    at: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise ElsewhereError("its process ended by SIGKILL")

    found = timed(at("wav2letter"))
    monkeypatch.setattr(type(found.model), "plain_outputs", killed)
    reason = found.values(None).reason
    assert reason == "no plain outputs: its process ended by SIGKILL"
