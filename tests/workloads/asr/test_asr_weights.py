import shutil

import pytest
import torch

from workloads.asr.ds2 import DS2_SMALL, DeepSpeech2
from workloads.asr.features import Normaliser
from workloads.asr.train_weights import MAX_BYTES, check_shippable
from workloads.asr.trained import (
    SHIPPED,
    NotTrainedError,
    load_trained,
    save_trained,
    untrained,
)


def test_the_shipped_weights_load_and_are_small():
    trained = load_trained("ds2-small")
    model, normaliser = trained.model, trained.normaliser
    assert trained.reason is None
    assert not model.training
    assert normaliser.mean.shape == normaliser.std.shape == (93,)
    path = SHIPPED / "ds2-small.safetensors"
    assert path.stat().st_size <= 8 * 1024 * 1024
    logits, _ = model(torch.zeros(1, 50, 93), torch.tensor([50]))
    assert logits.shape == (1, 20, 30)


def test_a_damaged_file_is_refused_with_both_checksums(tmp_path):
    for path in SHIPPED.glob("ds2-small.*"):
        shutil.copy(path, tmp_path)
    path = tmp_path / "ds2-small.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"SHA-256 .*, expected .*damaged"):
        load_trained("ds2-small", [tmp_path])


def test_missing_weights_name_the_command_that_trains_them(tmp_path):
    with pytest.raises(
        NotTrainedError, match=r"python -m workloads\.asr\.train_weights"
    ):
        load_trained("ds2-small", [tmp_path])


def test_weights_come_back_as_they_were_saved(tmp_path):
    saved = DeepSpeech2(DS2_SMALL)
    normaliser = Normaliser(torch.rand(93).numpy(), torch.rand(93).numpy())
    path = tmp_path / "ds2-small.safetensors"
    save_trained(saved.state_dict(), normaliser, {"command": "by hand"}, path)
    found = load_trained("ds2-small", [tmp_path])
    loaded, moments = found.model, found.normaliser
    for key, tensor in saved.state_dict().items():
        assert loaded.state_dict()[key].equal(tensor)
    assert (moments.mean == normaliser.mean).all()
    assert (moments.std == normaliser.std).all()


def test_weights_too_large_to_ship_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(bytes(MAX_BYTES))
    check_shippable(path)
    path.write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(ValueError, match=f"at most {MAX_BYTES}"):
        check_shippable(path)


def test_weights_in_the_first_directory_win(tmp_path):
    normaliser = Normaliser(torch.rand(93).numpy(), torch.rand(93).numpy())
    state = DeepSpeech2(DS2_SMALL).state_dict()
    save_trained(state, normaliser, {}, tmp_path / "ds2-small.safetensors")
    first = load_trained("ds2-small", [tmp_path, SHIPPED]).normaliser.mean
    second = load_trained("ds2-small", [SHIPPED, tmp_path]).normaliser.mean
    assert (first == normaliser.mean).all()
    assert (second != normaliser.mean).any()


def test_untrained_weights_carry_their_reason_and_are_the_same_each_time():
    one, other = (untrained(DS2_SMALL, "not trained") for _ in range(2))
    assert one.reason == "not trained"
    for key, tensor in one.model.state_dict().items():
        assert other.model.state_dict()[key].equal(tensor)
