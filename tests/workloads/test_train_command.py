"""The command that trains separators, on pairs of tones and so narrow a size that an
epoch takes no time."""

import hashlib
import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from workloads.separation.compressing import load, load_mended

from workloads import weights
from workloads.compression.names import parse
from workloads.corpora.mixtures import builtin
from workloads.separation import fine_tuning, train_weights, trained, training
from workloads.separation.counting import parameters_of
from workloads.separation.dataset import Part
from workloads.separation.sizes import SIZES, with_sources
from workloads.separation.train_weights import dataset_of, main, make_parser

NAME = "conv-tasnet-small.safetensors"
SHORT = ["--epochs", "1", "--segment-s", "0.05"]
PRUNED = "prune-l1-structured-50"


@pytest.fixture(autouse=True)
def places(tmp_path, conv, monkeypatch):
    """A cache and a folder of shipped weights of one's own, both empty."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trained, "SHIPPED", tmp_path / "shipped")
    assert conv.name in SIZES
    monkeypatch.setitem(SIZES, conv.name, conv)
    return tmp_path


@pytest.fixture
def few_tones(pairs, monkeypatch):
    few = replace(pairs, train=Part(pairs.train.mixtures[:4], 8_000))
    monkeypatch.setattr(train_weights, "builtin_mixtures", lambda *_: few)
    return few


@pytest.fixture
def started(few_tones, places):
    """Weights that were trained before."""
    assert few_tones.train.mixtures
    main(SHORT)
    return places / "cache" / "weights" / NAME


def judged_as(monkeypatch, *losses):
    """Let the epochs reach these validation losses, whatever is trained, and first of
    all the weights that it goes on from, if any."""
    left = iter(losses)
    for module in (training, train_weights):
        monkeypatch.setattr(module, "mean_loss", lambda *_: next(left))


def facts_of(path):
    return json.loads(path.with_suffix(".json").read_text())


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_the_command_trains_on_builtin_mixtures(places, conv, monkeypatch, capsys):
    monkeypatch.setattr(builtin, "make_pool", lambda _: ThreadPoolExecutor(1))
    options = ["--mixtures", "1", "--validation-mixtures", "1"]
    options += ["--epochs", "1", "--segment-s", "0.05"]
    main(options)
    path = trained.find(conv)
    assert path == places / "cache" / "weights" / NAME
    printed = capsys.readouterr().out
    assert printed.startswith("epoch 1: SI-SDR ")
    assert printed.endswith(f"{path}\n")
    size = builtin.MixturesSize("training", 1, 1)
    corpus = builtin.load_or_build(size, places / "cache", 8_000)
    facts = facts_of(path)
    assert facts["corpus"] == "builtin-two-speakers-training"
    assert facts["corpus_checksum"] == corpus.checksum
    expected = [*shlex.split(trained.COMMAND), "--size", conv.name]
    words = shlex.split(facts["command"])
    assert words[:5] == expected
    assert sorted(words[5:]) == sorted(options)
    assert json.loads(facts["recipe"])["epochs"] == 1
    assert facts["torch"] == torch.__version__
    assert float(facts["validation_loss"]) < 100


@pytest.mark.usefixtures("few_tones")
@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("--epochs", 2, "epochs"),
        ("--batch-size", 3, "batch_size"),
        ("--learning-rate", 0.5, "learning_rate"),
        ("--segment-s", 0.1, "segment_s"),
        ("--precision", "bf16", "precision"),
    ],
)
def test_options_replace_numbers_of_the_recipe(monkeypatch, option, value, field):
    recipes = []

    def watched(model, recipe, *_):
        recipes.append(recipe)
        return iter(())

    monkeypatch.setattr(train_weights, "train", watched)
    for arguments in ([], [option, str(value)]):
        with pytest.raises(SystemExit):  # nothing was trained
            main(arguments)
    plain, other = recipes
    assert plain == train_weights.FROM_SCRATCH
    assert other == replace(plain, **{field: value})


@pytest.mark.usefixtures("few_tones")
def test_the_epoch_with_the_lowest_loss_is_kept(conv, monkeypatch, capsys):
    """Even if a later one is worse."""
    judged_as(monkeypatch, -1, -3, -2)
    main(["--epochs", "3", "--segment-s", "0.05"])
    assert facts_of(trained.find(conv))["validation_loss"] == "-3.000"
    assert capsys.readouterr().out.count("epoch ") == 3


@pytest.mark.usefixtures("few_tones")
def test_a_stopped_training_goes_on_and_never_loses_what_was_better(conv, monkeypatch):
    judged_as(monkeypatch, -5, -5, -4, -5, -7)
    main(SHORT)
    first = trained.find(conv).read_bytes()
    main([*SHORT, "--go-on"])  # reaches -4, worse than -5
    assert trained.find(conv).read_bytes() == first
    main([*SHORT, "--go-on"])  # reaches -7
    facts = facts_of(trained.find(conv))
    assert facts["validation_loss"] == "-7.000"
    assert " --go-on" not in facts["started_from"]
    assert " --go-on" in facts["command"]


def test_going_on_starts_from_the_weights_before(started, conv, monkeypatch):
    first = []

    def watched(model, *_):
        first.append(model.encoder.weight.detach().clone())
        return iter(())

    monkeypatch.setattr(train_weights, "train", watched)
    main([*SHORT, "--go-on"])
    assert first[0].equal(load(conv, started).encoder.weight)


def test_going_on_measures_what_it_started_from(started, conv, monkeypatch, capsys):
    """Weights told to be better than they are here would never be replaced."""
    facts = {**trained.load_facts(started), "validation_loss": "-99.000"}
    trained.save(load(conv, started), facts, started)
    judged_as(monkeypatch, -2, -3)
    main([*SHORT, "--go-on"])
    assert facts_of(trained.find(conv))["validation_loss"] == "-3.000"
    assert "goes on from SI-SDR 2.00 dB in validation" in capsys.readouterr().out


def test_going_on_without_a_gain_saves_nothing_elsewhere(started, monkeypatch, places):
    assert started.exists()
    judged_as(monkeypatch, 98, 99)
    path = places / "other" / NAME
    with pytest.raises(SystemExit) as caught:
        main([*SHORT, "--go-on", "--directory", str(path.parent)])
    assert caught.value.code == (
        "no epoch had a lower validation loss than the weights that it went on from, "
        f"or any at all: nothing is saved as {path}"
    )


@pytest.mark.usefixtures("few_tones")
def test_going_on_asks_for_weights():
    with pytest.raises(weights.NotTrainedError, match="--size conv-tasnet-small`"):
        main(["--go-on"])


def test_weights_may_be_saved_anywhere(few_tones, places):
    main([*SHORT, "--directory", str(places / "mine")])
    found = list(places.rglob("*.safetensors"))
    assert found == [places / "mine" / NAME]
    assert facts_of(found[0])["corpus_checksum"] == few_tones.checksum


@pytest.mark.usefixtures("few_tones")
def test_a_rate_is_annealed_where_asked(places):
    main([*SHORT, "--annealed"])
    facts = facts_of(places / "cache" / "weights" / NAME)
    assert json.loads(facts["recipe"])["annealed"] is True
    assert facts["command"].endswith("--annealed")
    main(SHORT)
    facts = facts_of(places / "cache" / "weights" / NAME)
    assert json.loads(facts["recipe"])["annealed"] is False
    assert "--annealed" not in facts["command"]


@pytest.mark.usefixtures("few_tones")
def test_weights_that_ship_go_beside_the_code(places):
    main([*SHORT, "--ship"])
    found = [path.relative_to(places) for path in places.rglob("*.safetensors")]
    assert found == [Path("shipped") / NAME]


@pytest.mark.usefixtures("few_tones")
def test_a_model_too_large_to_ship_is_refused(monkeypatch):
    monkeypatch.setattr(weights, "MAX_BYTES", 1_000)
    with pytest.raises(ValueError, match="expected at most 1000 to ship"):
        main([*SHORT, "--ship"])


def test_shipped_weights_are_said_to_be_loaded_first(started, places, capsys):
    main([*SHORT, "--ship"])
    capsys.readouterr()
    main(SHORT)
    shipped = places / "shipped" / NAME
    expected = f"{started}\nnote: {shipped} is loaded before it\n"
    assert capsys.readouterr().out.endswith(expected)


@pytest.mark.parametrize("name", [PRUNED, "prune-gradient-unstructured-30"])
def test_a_pruned_model_is_fine_tuned_from_trained_weights(started, conv, name, capsys):
    capsys.readouterr()
    main([*SHORT, "--compression", name, "--worst-percent", "1000"])
    path = trained.find(conv, name)
    assert path == started.with_stem(f"conv-tasnet-small-{name}")
    assert "round 5 of 5\nepoch 1: SI-SDR " in capsys.readouterr().out
    facts = facts_of(path)
    assert facts["started_from"] == facts_of(started)["command"]
    assert f" --compression {name} " in facts["command"]
    recipe = json.loads(facts["recipe"])
    assert recipe["learning_rate"] == train_weights.FINE_TUNING.learning_rate
    found = load_mended(conv, parse(name), path)
    whole = parameters_of(load(conv, started))
    assert (parameters_of(found) < whole) == (name == PRUNED)


@pytest.mark.parametrize("worst", [5, 60])
def test_a_pruning_that_was_rolled_back_is_saved_under_another_name(
    started, monkeypatch, caplog, worst
):
    monkeypatch.setattr(fine_tuning, "mean_loss", lambda *_: -10.0)
    judged_as(monkeypatch, *[-5.0] * 5)  # worse by half
    options = [*SHORT, "--compression", PRUNED, "--worst-percent", str(worst)]
    path = started.with_stem(f"conv-tasnet-small-{PRUNED}")
    if worst == 60:
        main(options)
        assert path.exists()
        return
    with pytest.raises(SystemExit) as caught:
        main(options)
    aside = path.with_stem(f"{path.stem}-rolled-back")
    assert caught.value.code == (
        f"saved as {aside}, which no benchmark takes: train longer, or give a larger "
        "--worst-percent"
    )
    assert not path.exists()
    warning = facts_of(aside)["warning"]
    assert warning in caplog.text
    assert warning.startswith(f"{PRUNED} reached 0.0 % of zeros in place of 50 %: ")


@pytest.mark.usefixtures("few_tones")
@pytest.mark.parametrize("name", [PRUNED, "tucker-30", "int8-qat"])
def test_fine_tuning_asks_for_weights_to_start_from(name):
    with pytest.raises(weights.NotTrainedError, match="--size conv-tasnet-small`"):
        main(["--compression", name])


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("int8-static", "a pruning, a factorization or int8-qat"),
        ("fp16", "a pruning, a factorization or int8-qat"),
        ("tucker-30+int8-static", "tucker-30"),
    ],
)
def test_what_is_stored_otherwise_after_training_is_refused(capsys, name, instead):
    told = " ".join(refused(capsys, "--compression", name).split())
    assert told.endswith(
        f"{name} stores weights otherwise after training: give {instead}"
    )


def test_a_factorized_model_does_not_go_on(capsys):
    told = refused(capsys, "--compression", "tucker-30", "--go-on")
    assert "--compression tucker-30 goes on from uncompressed weights" in told


@pytest.mark.usefixtures("started")
def test_a_pruned_model_is_trained_further_and_keeps_its_zeros(conv, capsys):
    options = [*SHORT, "--compression", PRUNED]
    with pytest.raises(weights.NotTrainedError, match=PRUNED):
        main([*options, "--go-on"])
    main([*options, "--worst-percent", "1000"])
    path = trained.find(conv, PRUNED)
    first, before = facts_of(path), load(conv, path).state_dict()
    main([*options, "--go-on"])
    assert "round 1 of 1" in capsys.readouterr().out
    after = load(conv, path).state_dict()
    assert facts_of(path)["started_from"].endswith(first["command"])
    assert any(not one.equal(after[name]) for name, one in before.items())
    for name, one in before.items():
        assert bool((after[name][one == 0] == 0).all()), name


def test_a_pruned_model_that_gets_no_better_stays(started, monkeypatch):
    options = [*SHORT, "--compression", PRUNED]
    main([*options, "--worst-percent", "1000"])
    path = started.with_stem(f"conv-tasnet-small-{PRUNED}")
    before = path.read_bytes()
    monkeypatch.setattr(fine_tuning, "mean_loss", lambda *_: -10.0)
    judged_as(monkeypatch, -5.0)
    with pytest.raises(SystemExit, match=r"no epoch had a lower validation loss than"):
        main([*options, "--go-on"])
    assert path.read_bytes() == before


def test_an_unknown_size_is_refused(capsys):
    assert "invalid choice: 'wav2letter'" in refused(capsys, "--size", "wav2letter")


def test_an_unknown_compression_is_refused():
    with pytest.raises(ValueError, match="no compression is called 'prune'"):
        main(["--compression", "prune"])


@dataclass
class Theirs:
    """A user's corpus on disk, and with what it was asked for, time after time."""

    train: Part
    asked: list


@pytest.fixture(params=[True, False], ids=["with a training part", "without"])
def theirs(request, pairs, few_tones, monkeypatch):
    mixtures = few_tones.train.mixtures[:2] if request.param else ()
    found = Theirs(Part(mixtures, 8_000), [])

    def load_from(*arguments):
        found.asked.append(arguments)
        return replace(pairs, name="theirs", checksum="5" * 64, train=found.train)

    monkeypatch.setattr(train_weights, "on_disk", load_from)
    return found


def test_builtin_mixtures_serve_where_a_corpus_has_none_to_train_on(
    conv, pairs, few_tones, theirs, places
):
    options = ["--data-root", str(places), "--on-other-rate", "error"]
    found = dataset_of(conv, make_parser().parse_args(options))
    assert theirs.asked == [(places, conv, "error")]
    has_train = bool(theirs.train.mixtures)
    of_both = hashlib.sha256(f"{'0' * 64} {'5' * 64}".encode()).hexdigest()
    assert found.checksum == ("5" * 64 if has_train else of_both)
    assert found.validation == pairs.validation
    assert found.train == (theirs.train if has_train else few_tones.train)
    assert found.name == ("theirs" if has_train else "pairs+theirs")


def test_weights_go_where_the_benchmark_of_that_corpus_looks_for_them(
    conv, theirs, places
):
    """Weights of built-in mixtures lie with such, whatever they are validated on; and
    nothing is read twice."""
    main([*SHORT, "--data-root", str(places)])
    own = places / "cache" / "weights" / f"corpus-{'5' * 16}"
    shared = places / "cache" / "weights"
    expected = own if theirs.train.mixtures else shared
    assert trained.find(conv, "", "5" * 64) == expected / NAME
    assert len(theirs.asked) == 1


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("conv-tasnet-small", [], (600, 64)),
        ("conv-tasnet-small-8", [], (600, 64)),
        ("conv-tasnet", [], (7_200, 64)),
        ("conv-tasnet", ["--mixtures", "9", "--validation-mixtures", "5"], (9, 5)),
    ],
)
def test_full_sizes_train_on_more_mixtures(pairs, monkeypatch, name, options, expected):
    asked = []

    def made(size, mixtures, _):
        asked.append((size.name, mixtures.train, mixtures.validation))
        return pairs

    monkeypatch.setattr(train_weights, "builtin_mixtures", made)
    chosen = make_parser().parse_args(["--size", name, *options])
    dataset_of(SIZES[name], chosen)
    assert asked == [(name, *expected)]


def test_a_size_of_eight_sources_has_a_name_of_its_own(conv):
    assert trained.weights_name(with_sources(conv, 8)) == "conv-tasnet-small-8"
    assert trained.weights_name(conv, PRUNED) == f"conv-tasnet-small-{PRUNED}"
