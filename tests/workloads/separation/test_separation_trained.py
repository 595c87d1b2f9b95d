"""Trained weights of separators: how they are kept, found and checked."""

import shlex
import shutil
from dataclasses import replace

import pytest
import torch

from workloads import weights
from workloads.separation import trained
from workloads.separation.models import make
from workloads.separation.sizes import CONV_TASNET_SMALL, SIZES
from workloads.separation.train_weights import make_parser

SMALL = CONV_TASNET_SMALL
NAME = "conv-tasnet-small.safetensors"


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """A cache and a folder of shipped weights of one's own, both empty."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trained, "SHIPPED", tmp_path / "shipped")
    return tmp_path


@pytest.fixture
def saved(places, tiny):
    """A model of each architecture, and the file of its weights in the cache."""
    torch.manual_seed(5)
    model = make(tiny)
    path = places / "cache" / "weights" / f"{tiny.name}.safetensors"
    facts = {"command": "by hand", "validation_loss": "-7.000"}
    trained.save(model, facts, path)
    return model, path


def test_weights_come_back_in_half_precision(saved, tiny):
    model, path = saved
    loaded = trained.load_into(make(tiny), path)
    assert not loaded.training
    state, original = loaded.state_dict(), model.state_dict()
    assert state.keys() == original.keys()
    for name, tensor in state.items():
        assert tensor.dtype == torch.float32
        assert tensor.equal(original[name].half().float())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_facts_come_back(saved):
    facts = {"command": "by hand", "validation_loss": "-7.000"}
    assert facts.items() <= trained.load_facts(saved[1]).items()


def test_shipped_weights_come_before_those_in_the_cache(saved, tiny, places):
    assert trained.find(tiny) == saved[1]
    shutil.copytree(saved[1].parent, places / "shipped")
    assert trained.find(tiny) == places / "shipped" / saved[1].name


def test_weights_trained_after_a_compression_are_others(saved, tiny):
    with pytest.raises(weights.NotTrainedError, match=f"{tiny.name}-tucker-30: run"):
        trained.find(tiny, "tucker-30")
    path = saved[1].with_stem(f"{tiny.name}-tucker-30")
    shutil.copy(saved[1], path)
    assert trained.find(tiny, "tucker-30") == path
    assert trained.find(tiny) == saved[1]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("compression", ["", "prune-l1-structured-30"])
def test_missing_weights_name_the_command_that_trains_them(size, compression):
    with pytest.raises(weights.NotTrainedError) as caught:
        trained.find(size, compression)
    command = f"python -m workloads.separation.train_weights --size {size.name}"
    command += f" --compression {compression}" if compression else ""
    assert str(caught.value).endswith(f": run `{command}`")
    chosen = make_parser().parse_args(shlex.split(command)[3:])  # it is understood
    assert (chosen.size, chosen.compression or "") == (size.name, compression)


def damaged(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def without_checksum(path):
    path.with_suffix(".json").unlink()


@pytest.mark.parametrize(
    ("hurt", "fault"),
    [
        (damaged, r"has SHA-256 \w{64}, expected \w{64}: the file is damaged; "),
        (without_checksum, r"cannot read the checksum of .*"),
    ],
)
@pytest.mark.parametrize(
    ("folder", "remedy"),
    [
        ("elsewhere", f"run `{trained.COMMAND} --size conv-tasnet-small`"),
        ("shipped", "install the project again"),
    ],
)
def test_files_that_are_not_as_written_are_refused_with_a_remedy(
    conv, places, hurt, fault, folder, remedy
):
    path = places / folder / NAME
    trained.save(make(conv), {"command": "by hand"}, path)
    trained.load_into(make(conv), path)
    hurt(path)
    for load in (trained.load_facts, lambda one: trained.load_into(make(conv), one)):
        with pytest.raises(ValueError, match=fault) as caught:
            load(path)
        assert str(caught.value).endswith(remedy)


def test_the_remedy_names_size_and_compression(conv, places):
    path = places / "elsewhere" / "conv-tasnet-small-8-tucker-30.safetensors"
    trained.save(make(conv), {"command": "by hand"}, path)
    damaged(path)
    command = f"{trained.COMMAND} --size conv-tasnet-small-8 --compression tucker-30"
    with pytest.raises(ValueError, match=f"run `{command}`"):
        trained.load_facts(path)


def test_weights_that_go_on_tell_where_they_come_from(conv, places):
    path = places / "elsewhere" / NAME
    facts = {"command": "third", "started_from": "first; second", "note": "cut short"}
    trained.save(make(conv), facts, path)
    assert trained.origin_of(path) == {
        "started_from": "first; second; third",
        "note": "cut short",
    }
    trained.save(make(conv), {"command": "first"}, path)
    assert trained.origin_of(path) == {"started_from": "first"}


def test_weights_of_another_model_are_refused(conv, lstm, places):
    path = places / "it.safetensors"
    trained.save(make(conv), {}, path)
    for other in (replace(conv, hidden=11), replace(conv, sources=8), lstm):
        with pytest.raises(ValueError, match=r"it\.safetensors does not fit the model"):
            trained.load_into(make(other), path)


def test_weights_of_an_earlier_arithmetic_are_refused_with_the_command(dpt, tmp_path):
    """They fit, and separate worse without a word."""
    model = make(dpt)
    path = tmp_path / "dptnet-small.safetensors"
    trained.save(model, {"command": "by hand"}, path)
    assert trained.load_facts(path)["arithmetic"] == trained.ARITHMETIC["dptnet"]
    trained.load_into(make(dpt), path)
    state = {name: one.detach() for name, one in model.state_dict().items()}
    weights.save_weights(state, {"command": "by hand"}, path)
    with pytest.raises(ValueError, match="for another arithmetic") as caught:
        trained.load_into(make(dpt), path)
    assert str(caught.value).endswith(f"run `{trained.COMMAND} --size dptnet-small`")
