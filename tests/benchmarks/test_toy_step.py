"""A step and a runtime of one's own: a class each, and a line that registers it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_task import FEATURES, SIZE, TINY, tiny_data
from torch import nn

from benchmarks.grid import grid, runs
from benchmarks.studies import compressions
from workloads.compressed import CompressedModel
from workloads.compression import known
from workloads.compression.known import parse
from workloads.compression.skipped import SkippedLayer
from workloads.compression.step import CompressedTask, ModuleStep, Step
from workloads.runtimes.known import RUNTIMES, why_not
from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.runtime import Opening, OpenModel, Place, Runtime
from workloads.training.weights import Weights, untrained

CPU, STEPS = Place("cpu"), 8  # of the grid, for each unit


@dataclass(frozen=True)
class Coarse(ModuleStep):
    """Weights on a grid."""

    base = "coarse"
    summary = "weights are rounded to whole eighths"

    def applied(
        self, task: CompressedTask, model: nn.Module, sample: Sequence[Any]
    ) -> nn.Module:
        found = copy.deepcopy(model)
        for one in found.parameters():
            one.data = (one.data * STEPS).round() / STEPS
        return found

    def skipped(
        self, task: CompressedTask, model: nn.Module
    ) -> tuple[SkippedLayer, ...]:
        return ()


class Bare(Runtime):
    """Modules in fp32, pruned or not."""

    name, packages, takes = "bare", ("torch",), (ModuleStep,)

    def lack(self, step: Step, place: Place) -> str:
        return f"there is no {step.base} here: use eager"

    def open(self, model: CompressedModel, opening: Opening) -> OpenModel:
        return OpenModel(TorchSession(model.module(), FEATURES), 0)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "STEPS", (*known.STEPS, Coarse))
    monkeypatch.setitem(RUNTIMES, Bare.name, Bare())


def test_its_name_is_read_alone_and_before_what_may_follow() -> None:
    assert parse("coarse").steps == (Coarse(),)
    found = parse("coarse+int8-static")
    assert (found.weights_name, found.claims) == ("coarse", "int8")
    with pytest.raises(ValueError, match=r"known ones are .*PERCENT.*, coarse"):
        parse("coarse+int8-qat")


def test_its_cases_are_declared_like_any() -> None:
    chosen = runs(bare=("coarse",), eager=("coarse+bf16",))
    cases = grid(["tiny"], chosen, expected_s=1)
    assert [(one.compression, one.claims) for one in cases] == [
        ("coarse", "fp32"),
        ("coarse+bf16", "bf16"),
    ]


@pytest.mark.parametrize(
    ("name", "runtime", "reason"),
    [
        ("coarse", "bare", None),
        ("coarse", "onnxruntime", None),
        ("coarse+int8-static", "compile", None),
        ("coarse+bf16", "bare", "there is no bf16 here: use eager"),
        ("int8-static", "bare", "there is no int8-static here: use eager"),
    ],
)
def test_what_runs_where_follows_from_its_kind(
    name: str, runtime: str, reason: str | None
) -> None:
    assert why_not(TINY, SIZE, parse(name), runtime, CPU, {}) == reason


def test_the_page_has_both() -> None:
    one = compressions.Declared(parse("coarse+bf16"), ((TINY, SIZE),))
    table = compressions.cpu_table([one], [])
    assert [column.head for column in table.columns][-1] == "bare"
    assert next(iter(table.lines()))[-1].startswith("no (")


@pytest.mark.parametrize("runtime", ["bare", "onnxruntime"])
def test_it_is_applied_run_and_judged(
    runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path))
    data = tiny_data()
    model = CompressedModel(TINY, SIZE, parse("coarse"), Weights(None), data)
    session = RUNTIMES[runtime].open(model, Opening(CPU)).session
    assert model.file.facts["layers_changed"] == 2

    def run(features: np.ndarray) -> np.ndarray:
        return session.output(session.prepare(features))

    module = Coarse().applied(TINY, untrained(TINY, SIZE), ())

    def expected(features: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            found: np.ndarray = module(torch.from_numpy(features)).numpy()
        return found

    features = data.validation.features
    np.testing.assert_allclose(run(features), expected(features), atol=1e-5)
    assert TINY.score(run, data, 4) == TINY.score(expected, data, 4)
    assert TINY.score(run, data, 4).measures["error_rate"].value > 0
