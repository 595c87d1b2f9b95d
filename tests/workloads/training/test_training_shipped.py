"""The weights that ship with the project load, are small, and bring what they need."""

import pytest
import torch

from basics.files import file_sha256
from workloads.asr.ds2 import DS2_SMALL
from workloads.asr.task import ASR
from workloads.compression.known import parse
from workloads.separation.sizes import SMALL
from workloads.separation.task import SEPARATION
from workloads.task import parameters_of
from workloads.training import weights
from workloads.training.weights import MAX_BYTES, WeightsError, check_shippable
from workloads.wav2letter.sizes import WAV2LETTER, WAV2LETTER_SMALL
from workloads.wav2letter.task import WAV2LETTER as WAV2LETTER_TASK

TRAINED = [
    (ASR, DS2_SMALL),
    (WAV2LETTER_TASK, WAV2LETTER_SMALL),
    *((SEPARATION, size) for size in SMALL),
]


def named(one):
    return one.name if hasattr(one, "name") else None


@pytest.mark.parametrize(("task", "size"), TRAINED, ids=named)
def test_the_shipped_weights_load_and_are_small(task, size):
    path = weights.shipped_dir(task) / f"{size.name}.safetensors"
    assert weights.find(task, size) == path
    assert weights.weights_of(task, size, parse("fp32")).sha256 == file_sha256(path)
    assert not weights.load(task, size, path).training
    together = sum(one.stat().st_size for one in path.parent.glob("*.safetensors"))
    assert together <= MAX_BYTES
    facts = weights.load_facts(task, size, path)
    assert {"command", "corpus", "corpus_checksum", "recipe", "torch"} <= facts.keys()


@pytest.mark.parametrize(("task", "size"), TRAINED[:2], ids=named)
def test_shipped_recognisers_bring_the_normaliser_of_their_training(task, size):
    constants = weights.load_constants(task, size, weights.find(task, size))
    width = task.example(size)[1]
    assert {name: one.shape for name, one in constants.items()} == {
        "normaliser.mean": (width,),
        "normaliser.std": (width,),
    }
    assert all(constants["normaliser.std"] > 0)


def test_the_published_size_of_wav2letter_is_too_large_to_ship_anyway():
    with torch.device("meta"):  # counted, not filled
        full, small = (
            2 * parameters_of(WAV2LETTER_TASK.model(size))  # in half precision
            for size in (WAV2LETTER, WAV2LETTER_SMALL)
        )
    assert full > MAX_BYTES > small


def test_weights_too_large_to_ship_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(bytes(MAX_BYTES))
    check_shippable(path)
    path.write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(WeightsError, match=f"at most {MAX_BYTES}"):
        check_shippable(path)


def test_weights_of_one_task_are_counted_together(tmp_path):
    paths = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for path in paths:
        path.write_bytes(bytes(MAX_BYTES // 2))
    check_shippable(paths[1])
    paths[0].write_bytes(bytes(MAX_BYTES // 2 + 1))
    with pytest.raises(WeightsError, match=f"{MAX_BYTES + 1} with those beside it"):
        check_shippable(paths[1])


@pytest.mark.parametrize(("task", "size"), TRAINED, ids=named)
def test_untrained_weights_are_the_same_each_time(task, size):
    one, other = (weights.load(task, size, None) for _ in range(2))
    pairs = list(zip(one.parameters(), other.parameters(), strict=True))
    assert all(a.equal(b) for a, b in pairs)
    assert not one.training
