"""The separators that come with the project."""

import pytest

from workloads.baseline import plain_run
from workloads.compressed import compressed
from workloads.compression.known import parse
from workloads.corpora.mixtures import builtin
from workloads.separation.dataset import builtin_mixtures
from workloads.separation.sizes import CONV_TASNET_SMALL, SMALL
from workloads.separation.task import SEPARATION
from workloads.training.weights import (
    Weights,
    find,
    load,
    load_facts,
    shipped_dir,
    weights_of,
)

COMPRESSED = {
    "lstm-tasnet-small": ("prune-l1-structured-30", "tsvd-30"),
    "conv-tasnet-small": (
        "prune-l1-structured-30",
        "prune-l1-unstructured-50",
        "tucker-30",
    ),
    "dptnet-small": ("prune-l1-structured-30", "cp-30"),
}


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHMARK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("size", SMALL, ids=lambda size: size.name)
def test_small_sizes_improve_held_out_mixtures_by_6_db(size):
    """So that compressions have something to lose."""
    mixtures = builtin.MixturesSize("some", train=1, validation=16)
    data = builtin_mixtures(size, mixtures)
    run = plain_run(SEPARATION, size, Weights(find(SEPARATION, size)))
    scores = SEPARATION.score(run, data, 4)
    assert scores.faults == {}
    assert scores.measures["si_sdr_improvement"].value >= 6


@pytest.mark.parametrize("size", SMALL, ids=lambda size: size.name)
def test_what_quick_compresses_was_trained_after_it(size):
    for name in COMPRESSED[size.name]:
        weights = weights_of(SEPARATION, size, parse(name))
        assert weights.is_fitted
        assert weights.reason is None
        assert weights.path.parent == shipped_dir(SEPARATION)
        assert not compressed(SEPARATION, size, parse(name), weights).training
        facts = load_facts(SEPARATION, size, weights.path)
        assert f"{size.name} --compression {name} " in facts["command"]
        assert "warning" not in facts  # none was rolled back


@pytest.mark.parametrize(
    ("name", "percent"),
    [("prune-l1-unstructured-50", 50), ("prune-l1-structured-30", 30)],
)
def test_shipped_prunings_have_the_zeros_that_they_are_called_by(name, percent):
    size = CONV_TASNET_SMALL
    state = load(SEPARATION, size, find(SEPARATION, size, name)).state_dict()
    for tensor in (state["bottleneck.weight"], state["blocks.3.expand.weight"]):
        rows = tensor.flatten(1)
        if "unstructured" in name:
            share = 1 - int(rows.count_nonzero()) / rows.numel()
        else:
            share = int((rows == 0).all(1).sum()) / len(rows)
        assert share == pytest.approx(percent / 100, abs=0.01)
