import json
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from workloads.weights import NotTrainedError, command_line

from basics.files import file_sha256
from workloads.asr.ds2 import DS2_SMALL, DeepSpeech2
from workloads.asr.train_weights import main, make_parser
from workloads.asr.trained import (
    COMMAND,
    SHIPPED,
    command_for,
    load_trained,
    save_trained,
    untrained,
)
from workloads.feeding.normaliser import Normaliser


def test_the_shipped_weights_load_and_are_small():
    trained = load_trained("ds2-small")
    model, normaliser = trained.model, trained.normaliser
    assert trained.reason is None
    assert trained.sha256 == file_sha256(SHIPPED / "ds2-small.safetensors")
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
    with pytest.raises(ValueError, match=r"SHA-256 .*, expected .*damaged; run"):
        load_trained("ds2-small", [tmp_path])


def test_weights_without_their_checksum_are_refused_with_a_remedy(
    tmp_path, monkeypatch
):
    shutil.copy(SHIPPED / "ds2-small.safetensors", tmp_path)
    with pytest.raises(ValueError, match=r"ds2-small\.json .*: run `python") as caught:
        load_trained("ds2-small", [tmp_path])
    assert command_for("ds2-small") in str(caught.value)
    (tmp_path / "ds2-small.json").write_text("{}")
    with pytest.raises(ValueError, match="cannot read the checksum"):
        load_trained("ds2-small", [tmp_path])
    # To train them again would not help: the shipped ones are loaded first.
    monkeypatch.setattr("workloads.asr.trained.SHIPPED", tmp_path)
    with pytest.raises(ValueError, match="install the project again"):
        load_trained("ds2-small")


def test_missing_weights_name_the_command_that_trains_them(tmp_path):
    for name in ("ds2-small", "ds2-paper"):
        with pytest.raises(NotTrainedError) as caught:
            load_trained(name, [tmp_path])
        assert f"run `{command_for(name)}`" in str(caught.value)
    assert command_for("ds2-paper") == (
        "python -m workloads.asr.train_weights --size ds2-paper --train-s 36000 "
        "--device cuda:0"
    )


@pytest.mark.parametrize(
    ("given", "recorded"),
    [
        ("", "--size ds2-small"),
        ("--epochs 30 --device cpu", "--size ds2-small"),
        ("--batch-size 8 --epochs 2", "--size ds2-small --epochs 2 --batch-size 8"),
        ("--ship --train-s 60.5", "--size ds2-small --train-s 60.5 --ship"),
        ("--directory 'a b'", "--size ds2-small --directory 'a b'"),
        ("--size ds2-paper --device cuda:0", "--size ds2-paper --device cuda:0"),
    ],
)
def test_the_recorded_command_has_all_that_is_not_by_default(
    given, recorded, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    parser = make_parser()
    chosen = parser.parse_args(shlex.split(given))
    assert command_line(COMMAND, parser, chosen) == f"{COMMAND} {recorded}"


@pytest.fixture
def places(tones, tmp_path, monkeypatch):
    """A cache and a folder of shipped weights of one's own, and tones for speech."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "cache"))
    module = "workloads.asr.train_weights"
    monkeypatch.setattr(f"{module}.SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(f"{module}.builtin.load_or_build", lambda *_: tones)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "place"), [([], "cache/weights"), (["--ship"], "shipped")]
)
def test_weights_go_to_the_cache_unless_they_are_to_ship(places, tones, given, place):
    main(["--epochs", "1", "--batch-size", "35", *given])
    found = [path.relative_to(places) for path in places.rglob("*.safetensors")]
    assert found == [Path(place) / "ds2-small.safetensors"]
    facts = json.loads((places / found[0]).with_suffix(".json").read_text())
    assert facts["corpus_checksum"] == tones.checksum
    options = shlex.join(["--epochs", "1", "--batch-size", "35", *given])
    assert facts["command"] == f"{COMMAND} --size ds2-small {options}"
    assert load_trained("ds2-small", [places / place]).sha256 == facts["sha256"]


def test_whoever_trains_what_ships_is_told_which_is_loaded(places, capsys):
    (places / "shipped").mkdir()
    (places / "shipped" / "ds2-small.safetensors").touch()
    main(["--epochs", "1", "--batch-size", "35"])
    shipped = places / "shipped" / "ds2-small.safetensors"
    assert f"note: {shipped} is loaded before it" in capsys.readouterr().out


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
    assert (one.reason, one.sha256) == ("not trained", None)
    for key, tensor in one.model.state_dict().items():
        assert other.model.state_dict()[key].equal(tensor)
