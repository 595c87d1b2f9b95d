"""The command, on a network whose fifth convolution breaks under 8 bits."""

import csv
import json
import shutil

import numpy as np
import paper_arrays
import pytest
import torch
from click.testing import CliRunner

from basics.files import file_sha256
from benchmarks.studies.sensitivity import __main__ as sensitivity
from benchmarks.studies.sensitivity.__main__ import main
from benchmarks.studies.sensitivity.report import STUDY
from workloads.feeding.normaliser import Normaliser
from workloads.training import weights
from workloads.training.weights import trained_dir
from workloads.wav2letter import arrays
from workloads.wav2letter.decoding import greedy
from workloads.wav2letter.sizes import FEATURES, WAV2LETTER_SMALL, output_length
from workloads.wav2letter.symbols import LETTERS
from workloads.wav2letter.task import WAV2LETTER

UTTERANCES = 24
BROKEN = 5


def breakable():
    """A channel that is always zero has huge weights in one layer."""
    model = weights.load(WAV2LETTER, WAV2LETTER_SMALL, None)
    before, layer = (model.layers[3 * (n - 1)] for n in (BROKEN - 1, BROKEN))
    with torch.no_grad():
        before.weight[0], before.bias[0] = 0, 0
        layer.weight[:, 0] = 1000
    return model


def save(model, normaliser, path):
    state, constants = model.state_dict(), normaliser.to_arrays()
    weights.save(WAV2LETTER, WAV2LETTER_SMALL, state, constants, {}, path)


def transcribed(model, features):
    with torch.inference_mode():
        (log_probs,) = model(torch.from_numpy(features)[None]).numpy()
    return greedy(log_probs[: output_length(len(features))], LETTERS) or "a"


def write_arrays(folder, model):
    """What the network makes of noise are the transcripts: fp32 makes no error."""
    rng = np.random.default_rng(0)
    for part, count in ((arrays.TRAIN, 4), (arrays.DEV, UTTERANCES)):
        lengths = 8 * rng.integers(8, 15, size=count)  # none is padded
        features = [
            rng.normal(size=(length, FEATURES)).astype(np.float32) for length in lengths
        ]
        texts = [transcribed(model, one) for one in features]
        paper_arrays.write(folder, LETTERS, part, features, texts)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A cache with trained weights and a folder with data, and nothing shipped."""
    root = tmp_path_factory.mktemp("sensitivity")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHMARK_CACHE", str(root / "cache"))
        patch.setattr(weights, "shipped_dir", lambda task: root / "shipped")
        model = breakable()
        ones, zeros = (f(FEATURES, np.float32) for f in (np.ones, np.zeros))
        path = root / "cache" / "weights" / f"{WAV2LETTER_SMALL.name}.safetensors"
        save(model, Normaliser(zeros, ones), path)
        model = weights.load(WAV2LETTER, WAV2LETTER_SMALL, path)
        write_arrays(root / "data", model)
        yield root


def called(place, *others):
    options = ("--data-root", place / "data", *others)
    return CliRunner().invoke(main, list(map(str, options)))


@pytest.fixture(scope="module", params=["int8-dynamic", "int8-static"])
def run(place, request):
    """Of the command: its numbers, its page, and what it printed."""
    numbers, page = (place / f"{request.param}.{kind}" for kind in ("json", "html"))
    options = ("--compression", request.param, "--json", numbers, "--html", page)
    options += ("--csv", place / "rows.csv", "--markdown", place / "rows.md")
    found = called(place, *options)
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    return json.loads(numbers.read_text()), page.read_text(), lines


def test_the_layer_that_8_bits_break_costs_most(run):
    numbers, _, lines = run
    assert numbers["fp32"]["rate"] < 0.2
    assert numbers["ranked"][0] == f"conv {BROKEN}"
    assert lines[-1].startswith(f"keep conv {BROKEN} in float first: it costs")
    assert lines[-1] == numbers["verdict"]
    broken = numbers["layers"][BROKEN - 1]["quantized_alone"]
    assert broken["interval_above_0"]
    assert broken["output_change"] > 3 * max(
        layer["quantized_alone"]["output_change"]
        for layer in numbers["layers"]
        if layer["number"] != BROKEN
    )


def test_the_table_is_written_for_programs_and_as_markdown(run, place):
    rows = list(csv.DictReader((place / "rows.csv").read_text().splitlines()))
    assert rows[0]["quantized"] == f"conv {BROKEN}"
    assert [row["quantized"] for row in rows[-2:]] == ["all layers", "none: fp32"]
    assert float(rows[0]["cost [95 % interval]"]) > 0
    assert f"| conv {BROKEN} |" in (place / "rows.md").read_text()


def test_each_layer_is_printed_when_it_is_done(run):
    _, _, lines = run
    heads = [line.split(":")[0] for line in lines[:11]]
    assert heads == [f"conv {number} of 11" for number in range(1, 12)]


def test_the_numbers_say_where_they_come_from(run, place):
    origin = run[0]["origin"]
    path = place / "cache" / "weights" / "wav2letter-small.safetensors"
    assert origin["weights_sha256"] == file_sha256(path)
    data = arrays.load(place / "data", LETTERS)
    assert origin["corpus_checksum"] == data.checksum
    assert {"onnxruntime", "onnx", "speechmark", "python"} <= set(origin)
    assert ".json" not in origin["command"]
    assert run[0]["setting"]["compression"] in origin["command"]


def test_weights_of_the_users_corpus_come_first(place, monkeypatch):
    data = arrays.load(place / "data", LETTERS)
    own = trained_dir(data.checksum) / f"{WAV2LETTER_SMALL.name}.safetensors"
    model = weights.load(WAV2LETTER, WAV2LETTER_SMALL, None)
    save(model, data.normaliser, own)
    analysed = []

    def watched(size, weights, *_):
        analysed.append(weights)
        raise KeyboardInterrupt

    monkeypatch.setattr(sensitivity, "analyse_size", watched)
    assert called(place).exit_code == 1
    shutil.rmtree(own.parent)
    assert analysed == [own]


def test_the_weights_of_the_layers_are_those_of_the_size(run):
    shapes = [layer["shape"] for layer in run[0]["layers"]]
    assert shapes[0] == [64, 40, 48]
    assert shapes[1:8] == [[64, 64, 7]] * 7
    assert shapes[8:] == [[256, 64, 32], [256, 256, 1], [35, 256, 1]]


def test_the_page_says_what_was_analysed(run):
    numbers, page, _ = run
    assert f'content="{STUDY.kind}"' in page
    compression = numbers["setting"]["compression"]
    assert f"wav2letter-small, {compression}: cost" in page
    assert f"{UTTERANCES} utterances of arrays-letters" in page


def refused(place, *others):
    found = called(place, *others)
    assert found.exit_code == 2
    return found.stderr


def test_missing_weights_name_the_command_that_trains_them(place):
    expected = "run `python -m workloads.train --model wav2letter`"
    assert expected in refused(place, "--size", "wav2letter")


def test_a_file_of_another_kind_is_refused_before_the_work(place, tmp_path):
    other = tmp_path / "notes.json"
    other.write_text('{"schema": "notes"}')
    assert f"{other} exists and is no" in refused(place, "--json", other)
    assert f"{other} exists and is no" in refused(place, "--html", other)
    assert other.read_text() == '{"schema": "notes"}'


@pytest.mark.parametrize("count", [0, -1, UTTERANCES + 1])
def test_more_utterances_than_there_are_cannot_be_taken(place, count):
    said = refused(place, f"--utterances={count}")
    assert f"cannot take {count} utterances: 24 utterances are held out" in said


def test_fewer_utterances_lie_evenly_over_all(place, monkeypatch):
    whole, analysed = arrays.load(place / "data", LETTERS).validation, []

    def watched(size, weights, data, *_):
        analysed.append(data.validation)
        raise KeyboardInterrupt

    monkeypatch.setattr(sensitivity, "analyse_size", watched)
    called(place, "--utterances=5")
    called(place)
    positions = [0, 4, 9, 14, 19]
    part, every = analysed
    assert part.texts == tuple(whole.texts[i] for i in positions)
    assert list(part.frames) == [whole.frames[i] for i in positions]
    np.testing.assert_array_equal(part.rows.read([2])[0], whole.rows.read([9])[0])
    assert every.texts == whole.texts
