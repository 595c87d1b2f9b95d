"""Made models are kept, checked, and made in a process of their own."""

import importlib
import json
import logging
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from workloads.compression import artifacts
from workloads.compression.artifacts import made
from workloads.compression.known import parse
from workloads.elsewhere import ElsewhereError

KEY = {"model": "tiny", "compression": "int8-dynamic", "weights": "0" * 64}
ROOT = Path(__file__).parents[3]


def write(folder, *texts):
    """Each text in a file, and the process that wrote them beside them."""
    for number, text in enumerate(texts):
        (folder / f"{number}.txt").write_text(str(text))
    (folder / "process.txt").write_text(str(os.getpid()))


def fail(folder):
    (folder / "half.txt").write_text("half")
    print("chatter of a library")
    raise ValueError("the calibration data are empty")


def die(folder):
    os.kill(os.getpid(), 9)


def leave(folder):
    print("giving up", file=sys.stderr)
    sys.exit(3)


def write_nothing(folder):
    pass


def warn_and_write(folder):
    logging.getLogger("speechmark").warning("the corpus is %s", "damaged")
    print("chatter of a library")
    warnings.warn("chatter too", stacklevel=1)
    write(folder)


def write_environment(folder):
    (folder / "cap.txt").write_text(os.environ["SPEECHMARK_TEST_CAP"])


def loud(folder):
    sys.stdout.write("x" * 1_000_000)
    sys.stderr.write("y" * 1_000_000)
    write(folder)


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """`made` with a cache of its own."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(tmp_path))
    return lambda make=write, arguments=(), key=KEY: made(key, make, arguments)


def maker_of(folder):
    return (folder / "process.txt").read_text()


def test_a_model_is_made_in_another_process_and_kept(kept):
    first = kept(arguments=["a", "b"])
    made_by = maker_of(first)
    assert (first / "0.txt").read_text() + (first / "1.txt").read_text() == "ab"
    assert made_by != str(os.getpid())
    assert kept(arguments=["a", "b"]) == first
    assert maker_of(first) == made_by


def test_arguments_may_be_arrays_and_paths(kept, tmp_path):
    folder = kept(arguments=[np.arange(3), tmp_path])
    assert (folder / "0.txt").read_text() == "[0 1 2]"
    assert (folder / "1.txt").read_text() == str(tmp_path)


def test_the_folders_name_can_be_read(kept):
    assert kept().name.startswith("tiny-int8-dynamic-")
    odd = kept(key={"model": "a/b c", "compression": "prune-5+int8"})
    assert odd.name.startswith("a_b_c-prune-5+int8-")


@pytest.mark.parametrize("part", ["compression", "weights"])
def test_each_part_of_the_key_makes_a_model_of_its_own(kept, part):
    assert kept() != kept(key={**KEY, part: "1" * 64})


def test_other_versions_make_other_models(kept, monkeypatch):
    before = kept()
    monkeypatch.setattr(artifacts, "_version", lambda library: "0.0")
    assert kept() != before


def test_other_code_makes_other_models(kept, monkeypatch, tmp_path):
    before = kept()
    monkeypatch.setattr(sys.modules[__name__], "__file__", str(tmp_path / "m.py"))
    (tmp_path / "m.py").write_text("# changed\n")
    assert kept() != before


def of_module(path, name, text, monkeypatch):
    """An instance of the class `Recipe` in a module of that text."""
    (path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(name).Recipe()


def test_other_code_of_an_arguments_class_makes_other_models(
    kept, monkeypatch, tmp_path
):
    """A task is given to whoever makes its model: its architecture is its own."""
    modules = tmp_path / "modules"
    modules.mkdir()
    text = "class Recipe:\n    def __str__(self): return 'a recipe'\n"
    recipe = of_module(modules, "made_recipe", text, monkeypatch)
    before = kept(arguments=[recipe])
    assert (before / "0.txt").read_text() == "a recipe"
    assert kept(arguments=[recipe]) == before
    recipe = of_module(modules, "made_recipe", text + "# changed\n", monkeypatch)
    assert kept(arguments=[recipe]) != before


def test_libraries_classes_are_known_by_their_versions_alone():
    """Else an array would make numpy's code part of every model."""
    for argument in (1, "a", [np.zeros(1)], np.zeros(1), Path(), torch.zeros(1)):
        assert artifacts._module_of(argument) == "builtins"
    assert artifacts._module_of(parse("fp32")) == "workloads.compression.step"


@pytest.mark.usefixtures("kept")
def test_variables_reach_the_process_that_makes_it_and_no_other():
    caps = {"SPEECHMARK_TEST_CAP": "AVX2"}
    folder = made(KEY, write_environment, variables=caps)
    assert (folder / "cap.txt").read_text() == "AVX2"
    assert "SPEECHMARK_TEST_CAP" not in os.environ


def test_the_manifest_says_what_it_was_made_of(kept):
    manifest = json.loads((kept() / "manifest.json").read_text())
    assert manifest["key"].items() >= KEY.items()
    assert manifest["key"]["made_by"].endswith(":write")
    assert {f"{name}_version" for name in artifacts.LIBRARIES} <= set(manifest["key"])


@pytest.mark.parametrize("file", ["process.txt", "manifest.json"])
@pytest.mark.parametrize("how", ["changed", "removed"])
def test_a_damaged_model_is_made_anew_with_a_warning(kept, caplog, file, how):
    folder = kept()
    before = maker_of(folder)
    if how == "removed":
        (folder / file).unlink()
    else:
        (folder / file).write_text("changed")
    caplog.clear()
    assert kept() == folder
    (record,) = (r for r in caplog.records if r.name == "speechmark")
    assert file in record.getMessage()
    assert "is made anew" in record.getMessage()
    assert maker_of(folder) not in (before, "changed")
    caplog.clear()
    kept()
    assert not caplog.records


def test_a_failure_says_why_and_leaves_nothing(kept, tmp_path):
    with pytest.raises(ElsewhereError) as raised:
        kept(fail)
    message = str(raised.value)
    assert "cannot be made: ValueError: the calibration data are empty\n" in message
    assert "chatter of a library" in message
    assert "in fail" in message
    assert not list((tmp_path / "compressed").iterdir())


@pytest.mark.parametrize(
    ("make", "ending"), [(die, "ended by SIGKILL"), (leave, "exit status 3\ngiving up")]
)
def test_an_abrupt_end_says_how(kept, tmp_path, make, ending):
    with pytest.raises(ElsewhereError, match=ending):
        kept(make)
    assert not list((tmp_path / "compressed").iterdir())


def test_to_write_nothing_is_a_failure(kept):
    with pytest.raises(ElsewhereError, match="write_nothing wrote no file"):
        kept(write_nothing)


def test_warnings_of_the_project_come_back_and_chatter_does_not(kept, caplog, capfd):
    kept(warn_and_write)
    assert [r.getMessage() for r in caplog.records] == ["the corpus is damaged"]
    assert capfd.readouterr() == ("", "")


def test_much_chatter_does_not_block(kept):
    assert maker_of(kept(loud))


def test_the_environment_is_inherited(kept, monkeypatch):
    monkeypatch.setenv("SPEECHMARK_TEST_CAP", "AVX2")
    assert (kept(write_environment) / "cap.txt").read_text() == "AVX2"


def test_a_function_that_cannot_be_found_elsewhere_is_refused(kept):
    def inner(folder):
        pass

    with pytest.raises(ValueError, match="inner cannot be found by another process"):
        kept(inner)


def test_several_at_once_agree(kept):
    with ThreadPoolExecutor(3) as pool:
        folders = set(pool.map(lambda _: kept(), range(3)))
    assert len(folders) == 1
    assert maker_of(kept())


def test_it_lies_in_the_projects_cache(kept, tmp_path):
    assert kept().parent == tmp_path / "compressed"


def test_a_program_without_a_guard_may_ask_for_a_model(tmp_path):
    """Multiprocessing would import it again, and make models without end."""
    program = tmp_path / "program.py"
    program.write_text(
        "from test_artifacts import KEY, write\n"
        "from workloads.compression.artifacts import made\n"
        "print(made(KEY, write, ['a']))\n"
    )
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, program],
        env={**os.environ, "PYTHONPATH": path, "SPEECHMARK_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (Path(done.stdout.strip()) / "0.txt").read_text() == "a"
