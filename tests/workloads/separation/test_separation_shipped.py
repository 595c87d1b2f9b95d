"""The weights that come with the project."""

import numpy as np
import pytest
import torch
from workloads.separation.compressing import load, load_mended

from workloads.compression.names import parse
from workloads.corpora.mixtures import builtin
from workloads.separation import trained
from workloads.separation.dataset import builtin_mixtures
from workloads.separation.evaluation import score_part
from workloads.separation.exporting import weights_of
from workloads.separation.sizes import SMALL

COMPRESSED = {
    "lstm-tasnet-small": ("prune-l1-structured-30", "tsvd-30"),
    "conv-tasnet-small": (
        "prune-l1-structured-30",
        "prune-l1-unstructured-50",
        "tucker-30",
    ),
    "dptnet-small": ("prune-l1-structured-30", "cp-30"),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("size", SMALL, ids=lambda size: size.name)
def test_small_sizes_improve_held_out_mixtures_by_6_db(size, cache):
    """So that compressions have something to lose."""
    mixtures = builtin.MixturesSize("some", train=1, validation=16)
    model = load(size, trained.find(size))

    def separate(waves):
        with torch.inference_mode():
            found = model(torch.from_numpy(np.ascontiguousarray(waves[:, :, 0])))
        return found.transpose(1, 2).numpy()

    data = builtin_mixtures(size, mixtures, cache)
    assert score_part(separate, data.validation, 4).si_sdr_improvement.mean >= 6


@pytest.mark.parametrize("size", SMALL, ids=lambda size: size.name)
def test_what_quick_compresses_was_trained_after_it(size):
    for name in COMPRESSED[size.name]:
        weights = weights_of(size, parse(name))
        assert weights.mended
        assert weights.path.parent == trained.SHIPPED
        load_mended(size, parse(name), weights.path)
        facts = trained.load_facts(weights.path)
        assert facts["command"].startswith(trained.command_for(size, name))
        assert "warning" not in facts  # none was rolled back


@pytest.mark.parametrize(
    ("size", "name", "percent"),
    [
        (SMALL[1], "prune-l1-unstructured-50", 50),
        (SMALL[1], "prune-l1-structured-30", 30),
    ],
)
def test_shipped_prunings_have_the_zeros_that_they_are_called_by(size, name, percent):
    state = trained.load_into(load(size, None), trained.find(size, name)).state_dict()
    for tensor in (state["bottleneck.weight"], state["blocks.3.expand.weight"]):
        rows = tensor.flatten(1)
        if "unstructured" in name:
            share = 1 - int(rows.count_nonzero()) / rows.numel()
        else:
            share = int((rows == 0).all(1).sum()) / len(rows)
        assert share == pytest.approx(percent / 100, abs=0.01)
