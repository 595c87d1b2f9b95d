"""The tasks in their small sizes, as a worker sees a case of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from small_cases import (
    SEPARATION,
    SMALL,
    SPOOF,
    TINY,
    ContextOf,
    SaveWeights,
    Small,
    write_mixtures,
    write_speech,
)
from written_corpora import write_asvspoof2019

from benchmarks.inference import data_of
from harness.case import Case
from harness.hardware import Hardware
from harness.profile import SMOKE, Profile
from harness.workload import Context
from workloads.separation import task as separation_task
from workloads.training import weights


@pytest.fixture(params=SMALL)
def small(request: pytest.FixtureRequest) -> Small:
    """Of each task in turn."""
    return SMALL[request.param]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shipped(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where weights would be shipped: there are none, little data to be judged on, and
    a cache that all these tests share."""
    folder = tmp_path / "shipped"
    monkeypatch.setenv("SPEECHMARK_CACHE", str(cache))
    monkeypatch.setattr(weights, "shipped_dir", lambda task: folder / task.name)
    monkeypatch.setitem(separation_task.MIXTURES, "smoke", TINY)
    return folder


@pytest.fixture
def at(tmp_path: Path, shipped: Path) -> ContextOf:
    """The context of a smoke case of a task."""

    def context(
        name: str,
        compression: str = "fp32",
        runtime: str = "eager",
        batch_size: int = 1,
        *,
        model: str | None = None,
        hardware: str = "cpu",
        profile: Profile = SMOKE,
        data_root: Path | None = None,
        seed: int = 0,
        **options: str,
    ) -> Context:
        axes = (name, model or SMALL[name].model, compression, runtime, hardware)
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        return Context(
            case=Case(*axes, batch_size, tuple(options.items())),
            profile=profile,
            hardware=Hardware.parse(hardware),
            seed=seed,
            scratch_dir=scratch,
            data_root=data_root,
            progress=lambda what, done, total: None,
        )

    return context


@pytest.fixture
def save_weights(shipped: Path, at: ContextOf) -> SaveWeights:
    """Made-up weights, as if they were trained: for, or after, a `compression`; shipped
    where no folder is given."""

    def save(
        small: Small,
        compression: str = "",
        folder: Path | None = None,
        seed: int = 1,
        **facts: str,
    ) -> Path:
        torch.manual_seed(seed)
        model = small.task.model(small.size)
        name = weights.weights_name(small.size, compression)
        path = (folder or shipped / small.task.name) / f"{name}.safetensors"
        data = data_of(at(small.task.name), small.task)
        constants = small.task.constants(data)
        more = {"command": "by hand", **facts}
        weights.save(small.task, small.size, model.state_dict(), constants, more, path)
        return path

    return save


@pytest.fixture
def users(small: Small, tmp_path: Path) -> Path:
    """A folder with a corpus of the task's kind."""
    folder = tmp_path / "own"
    folder.mkdir()
    writers = {
        SEPARATION.task.name: write_mixtures,
        SPOOF.task.name: write_asvspoof2019,
    }
    writers.get(small.task.name, write_speech)(folder)
    return folder
