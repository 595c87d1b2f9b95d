"""The command, on a tiny network and mixtures of noise."""

import csv
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from written_corpora import write_librimix

from benchmarks.studies.findings import __main__ as command
from benchmarks.studies.findings.report import STUDY
from benchmarks.studies.findings.rules import COMPRESSIONS, PRUNED, Scored
from workloads.baseline import plain_run
from workloads.compressed import compress
from workloads.compression.known import parse
from workloads.corpora.mixtures.mixture import Mixture, Track
from workloads.metrics.separation import Measure
from workloads.separation.dataset import MixtureSet, on_disk
from workloads.separation.sizes import SIZES, ConvTasNetSize, Framing
from workloads.separation.task import SEPARATION
from workloads.training import weights
from workloads.training.weights import trained_dir

N = 20
TINY = ConvTasNetSize(
    "tiny", Framing(12, 8, 4), 6, 10, 8, blocks=2, repeats=1, sample_rate_hz=8_000
)


def write_noise(root, subset, count, seed):
    """Mixtures of a quarter of a second, in LibriMix's layout."""
    rng = np.random.default_rng(seed)
    mixtures = []
    for index in range(count):
        sources = rng.uniform(-0.2, 0.2, (2, 2_000))
        tracks = []
        for name, audio in zip(
            ("mix", "s1", "s2"), (sources.sum(0), *sources), strict=True
        ):
            tracks.append(Track(root / f"{seed}-{index}-{name}.wav"))
            soundfile.write(tracks[-1].path, audio, 8_000, subtype="PCM_16")
        mixtures.append(
            Mixture(f"m{index}", tracks[0], tuple(tracks[1:]), 2_000, 8_000)
        )
    write_librimix(mixtures, root / "data", subset)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A cache with trained weights, a folder with data, and nothing shipped."""
    root = tmp_path_factory.mktemp("findings")
    write_noise(root, "train-100", 3, seed=0)
    write_noise(root, "dev", N, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPEECHMARK_CACHE", str(root / "cache"))
        patch.setattr(weights, "shipped_dir", lambda task: root / "shipped")
        patch.setitem(SIZES, TINY.name, TINY)
        patch.setitem(SIZES, "untrained", replace(TINY, name="untrained"))
        patch.setattr(option("sizes").type, "choices", tuple(SIZES))
        folder = root / "cache" / "weights"
        save(untrained(), folder / "tiny.safetensors")
        pruned = parse("prune-l1-unstructured-10")
        path = folder / f"tiny-{pruned.name}.safetensors"
        save(compress(SEPARATION, untrained(), pruned), path)
        yield root


def option(name):
    return next(one for one in command.main.params if one.name == name)


def untrained():
    return weights.untrained(SEPARATION, TINY)


def save(model, path):
    weights.save(SEPARATION, TINY, model.state_dict(), {}, {"command": "none"}, path)


def called(place, *others):
    options = ("--size", "tiny", "--data-root", place / "data", *others)
    return CliRunner().invoke(command.main, list(map(str, options)))


@pytest.fixture(scope="module")
def run(place):
    """Of the command with all compressions: its numbers, its page, what it printed."""
    numbers, page = place / "all.json", place / "all.html"
    tables = ("--csv", place / "all.csv", "--markdown", place / "all.md")
    found = called(place, "--json", numbers, "--html", page, *tables)
    assert found.exit_code == 0, found.output
    model = json.loads(numbers.read_text())
    return model, page.read_text(), found.stdout, found.stderr


def test_the_command_scores_every_compression(run):
    tiny = run[0]["models"]["tiny"]
    assert tuple(tiny["compressions"]) == COMPRESSIONS
    assert tiny["left_out"] == {}
    assert tiny["mixtures"] == N
    for found in tiny["compressions"].values():
        assert len(found["each_mixture_db"]) == N


def test_the_command_scores_as_the_benchmark_does(run, place):
    found = run[0]["models"]["tiny"]["compressions"]["fp32"]["each_mixture_db"]
    own = weights.Weights(weights.find(SEPARATION, TINY))
    run_model, data = plain_run(SEPARATION, TINY, own), on_disk(place / "data", TINY)
    scores = SEPARATION.score(run_model, data, batch_size=1)
    expected = scores.measures["si_sdr_improvement"].values
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_compressions_change_the_scores(run):
    found = run[0]["models"]["tiny"]["compressions"]
    values = {name: one["each_mixture_db"] for name, one in found.items()}
    assert values["cp-10"] == values["tucker-10"]
    assert values["fp16"] == values["fp32"] or not found["fp16"]["note"]
    for name in ("int8-dynamic", "int8-static", "tucker-30", *PRUNED):
        assert values[name] != values["fp32"]
    assert (
        values["prune-l1-unstructured-50"] != values["prune-gradient-unstructured-50"]
    )


def test_the_command_prints_each_finding(run):
    _, text, printed, _ = run
    assert "4. CP is far worse than Tucker\n   tiny: not decided\n" in printed
    assert "equal, because both make the same layers of the same ranks" in printed
    assert "fp32 itself does not separate" in printed
    assert "applied to the same weights, and nothing trained on" in printed
    assert f'content="{STUDY.kind}"' in text
    assert "tiny: pruning" in text


def test_the_tables_are_written_for_programs_and_as_markdown(run, place):
    rows = list(csv.DictReader((place / "all.csv").read_text().splitlines()))
    assert {row["table"] for row in rows} == {"verdicts", "pairs"}
    assert [row["tiny"] for row in rows[:5]] == ["not decided"] * 5
    text = (place / "all.md").read_text()
    assert text.count("| not decided |") == 5
    assert all(f"written: {place}/all.{end}" in run[2] for end in ("csv", "md"))


def test_progress_goes_to_standard_error(run):
    lines = run[3].splitlines()
    heads = [line for line in lines if line.startswith("tiny ")]
    assert len(heads) == len(COMPRESSIONS)
    assert heads[0].startswith("tiny 0 of 51: fp32: ")
    assert heads[-1].startswith("tiny 51 of 51: tucker-30: ")
    assert heads[-1].endswith("] against fp32")
    assert "tiny 1 of" not in run[2]


def test_the_numbers_say_where_they_come_from(run, place):
    origin = run[0]["origin"]
    assert origin["command"] == f"{STUDY.program} --size tiny --data-root {place}/data"
    assert len(origin["tiny weights_sha256"]) == 64
    assert origin["tiny corpus"] == "libri2mix-wav8k-min-mix_both"
    assert {"torch", "onnxruntime", "speechmark", "python"} <= set(origin)


def test_what_was_not_fine_tuned_is_left_out_with_its_command(place, monkeypatch):
    pruned = "prune-l1-unstructured-10"
    monkeypatch.setattr(command, "COMPRESSIONS", ("fp32", "fp16", pruned, "cp-10"))
    said = called(place, "--trained", "--mixtures=2")
    assert "fp16: +" in said.stderr or "fp16: -" in said.stderr
    assert f"{pruned}: left out" not in said.stderr
    assert (
        "cp-10 is left out: not trained after its compression: no trained weights of "
        "tiny-cp-10: run `python -m workloads.train --model tiny --compression cp-10`"
    ) in said.stdout
    assert "2 mixtures are too few" in said.stdout
    assert "trained on, which the number formats were not" in said.stdout


def test_weights_of_the_users_corpus_come_first(place):
    own = trained_dir(on_disk(place / "data", TINY).checksum) / "tiny.safetensors"
    save(untrained(), own)
    try:
        subject = command.subject_of(TINY, place / "data", None, True)
        assert subject.weights == own
        pruned = subject.scored("prune-l1-unstructured-10")
    finally:
        shutil.rmtree(own.parent)
    assert isinstance(pruned, str)
    assert f"{own} one alone was trained on this corpus" in pruned


def test_nothing_of_torch_takes_more_than_one_thread(place, monkeypatch):
    seen = []

    def watched(model, mixtures):
        seen.extend(most_threads())
        return Scored(Measure("si_sdr_improvement", (5.0,) * N))

    monkeypatch.setattr(command, "scored", watched)
    monkeypatch.setattr(command, "COMPRESSIONS", ("fp32",))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert called(place).exit_code == 0
        assert set(seen) == {1}
        assert set(most_threads()) == {2}
    finally:
        torch.set_num_threads(before)


def most_threads():
    """Of torch, and of OpenMP and MKL as far as it has them."""
    found = re.findall(r"max_threads\(\) : (\d+)", torch.__config__.parallel_info())
    return [torch.get_num_threads(), *map(int, found)]


def test_a_corpus_without_a_training_part_has_no_weights_of_its_own(place, monkeypatch):
    whole = on_disk(place / "data", TINY)
    theirs = replace(whole, train=MixtureSet((), 8_000))
    made = replace(whole, name="built-in", checksum="1" * 64)
    monkeypatch.setattr(command, "on_disk", lambda *_, **__: theirs)
    monkeypatch.setattr(command, "builtin_mixtures", lambda *_, **__: made)
    subject = command.subject_of(TINY, place / "data", None, True)
    assert not subject.data.is_whole
    assert subject.data.name == f"built-in+{theirs.name}"
    assert subject.data.checksum not in (made.checksum, theirs.checksum)
    assert subject.weights == place / "cache" / "weights" / "tiny.safetensors"


def test_what_breaks_is_left_out_with_its_reason(place, monkeypatch):
    def broken(model, mixtures):
        if model.compression.name == "cp-10":
            raise ValueError("its outputs are NaN")
        return Scored(Measure("si_sdr_improvement", (5.0,) * N))

    monkeypatch.setattr(command, "scored", broken)
    monkeypatch.setattr(command, "COMPRESSIONS", ("fp32", "cp-10"))
    assert "cp-10 is left out: its outputs are NaN" in called(place).stdout


def refused(place, *others):
    found = called(place, *others)
    assert found.exit_code == 2
    return found.stderr


def test_a_baseline_that_breaks_ends_it(place, monkeypatch):
    def broken(model, mixtures):
        raise ValueError("its outputs are NaN")

    monkeypatch.setattr(command, "scored", broken)
    assert "tiny in fp32: its outputs are NaN" in refused(place)


def test_missing_weights_name_the_command_that_trains_them(place):
    said = refused(place, "--size", "untrained")
    assert "run `python -m workloads.train --model untrained`" in said


def test_damaged_weights_are_refused_before_the_work(place, monkeypatch):
    def damaged(task, size, path):
        raise ValueError(f"{path.name} is damaged")

    monkeypatch.setattr(command, "load_facts", damaged)
    assert "tiny.safetensors is damaged" in refused(place)


def test_unknown_sizes_are_refused_with_those_that_there_are(place):
    said = refused(place, "--size", "huge")
    assert "'huge' is not one of" in said
    assert "'conv-tasnet-small'" in said


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_files_of_another_kind_are_refused_before_the_work(place, tmp_path, option):
    other = tmp_path / "notes"
    other.write_text("notes")
    said = refused(place, option, other)
    assert f"{other} exists and is no" in said
    assert other.read_text() == "notes"


@pytest.mark.parametrize("count", [0, -1, N + 1])
def test_more_mixtures_than_there_are_cannot_be_taken(place, count):
    said = refused(place, f"--mixtures={count}")
    assert f"cannot take {count} mixtures: {N} mixtures are held out" in said


def test_no_built_in_mixture_is_refused(place):
    found = CliRunner().invoke(command.main, ["--size=tiny", "--mixtures=0"])
    assert found.exit_code == 2
    assert "validation is 0: give 1 mixture or more" in found.stderr


def test_fewer_mixtures_lie_evenly_over_all(place):
    whole = on_disk(place / "data", TINY).validation
    part = command.data_of(TINY, place / "data", 3).validation
    assert part == MixtureSet(tuple(whole.mixtures[i] for i in (0, 6, 13)), 8_000)
    assert command.data_of(TINY, place / "data", None).validation == whole


def test_sizes_are_taken_once_in_the_order_given():
    names = ["dptnet-small", "conv-tasnet-8", "dptnet-small"]
    asked = [f"--size={name}" for name in names]
    assert command.main.make_context("", asked).params["sizes"] == tuple(names[:2])
    assert set(command.main.make_context("", []).params["sizes"]) == {
        *("conv-tasnet-small", "dptnet-small", "lstm-tasnet-small")
    }


def test_the_command_is_stated_without_the_files_that_it_writes():
    options = ["--size=dptnet-small", "--trained", "--mixtures=7", "--json=a"]
    with command.main.make_context("", options):
        stated = STUDY.command
    assert stated == f"{STUDY.program} --size dptnet-small --mixtures 7 --trained"
