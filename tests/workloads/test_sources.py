"""What a module's results depend on, followed through its imports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workloads import sources
from workloads.sources import ROOT, code_sha256, files_of
from workloads.tasks import all_tasks

MAKERS = ("compressed.py", "baseline.py", "training/gradients.py")
TASKS = [task.name for task in all_tasks()]


def names_of(*modules: str) -> set[str]:
    """Those of `workloads` without its name, and all others as they are."""
    found = {path for one in modules for path in files_of(ROOT / "workloads" / one)}
    names = (str(path.relative_to(ROOT)) for path in found)
    return {name.removeprefix("workloads/") for name in names}


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_made_of_a_task_depends_on_all_that_computes_it(maker: str) -> None:
    """The maker's own code, and the task's, which is an argument."""
    shared = {"frame_convolution.py", "few_channels.py"}
    for task in TASKS:
        found = names_of(maker, f"{task}/task.py")
        assert "basics/files.py" in found
        assert any(name.startswith(f"{task}/") for name in found - {f"{task}/task.py"})
        assert task == "asr" or shared <= found
        assert task != "asr" or {"asr/ds2.py", "feeding/batching.py"} <= found
    loader = {"training/weights.py"}
    assert maker == "training/gradients.py" or loader <= names_of(maker)
    plain = {"values/plain.py", "values/layers.py"}
    assert maker == "baseline.py" or plain <= names_of(maker)


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_not_imported_does_not_count(maker: str) -> None:
    """Else each edit of a page would make every model anew."""
    found = names_of(maker, "separation/task.py")
    assert not {"train.py", "tasks.py"} & found
    assert not {"asr/ds2.py", "wav2letter/model.py"} & found


def test_a_maker_knows_no_task() -> None:
    tasks = {f"{task}/task.py" for task in TASKS}
    assert not tasks & names_of(*MAKERS)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`workloads.a` imports b on top and c in a function; c imports a; d is alone."""
    texts = {
        "__init__": "",
        "a": "from workloads import b\ndef f():\n    import workloads.c\n",
        "b": "import os\n",
        "c": "from workloads.a import f\n",
        "d": "",
    }
    for name, text in texts.items():
        (tmp_path / "workloads").mkdir(exist_ok=True)
        (tmp_path / "workloads" / f"{name}.py").write_text(text)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    sources._imported.cache_clear()
    yield tmp_path / "workloads"
    sources._imported.cache_clear()


def test_imports_are_followed_wherever_they_stand(project: Path) -> None:
    found = [path.name for path in files_of(project / "a.py")]
    assert found == ["__init__.py", "a.py", "b.py", "c.py"]
    assert [path.name for path in files_of(project / "b.py")] == ["b.py"]


@pytest.mark.parametrize(
    ("edited", "other"), [("a", True), ("b", True), ("c", True), ("d", False)]
)
def test_an_edit_of_what_is_run_changes_the_digest(
    project: Path, edited: str, other: bool
) -> None:
    before = code_sha256(project / "a.py")
    with (project / f"{edited}.py").open("a") as file:
        file.write("# edited\n")
    assert (code_sha256(project / "a.py") != before) is other


def test_a_new_import_is_followed(project: Path) -> None:
    before = code_sha256(project / "a.py")
    (project / "b.py").write_text("from workloads import d\n")
    assert project / "d.py" in files_of(project / "a.py")
    assert code_sha256(project / "a.py") != before


def test_data_beside_a_module_counts(project: Path) -> None:
    """A grammar's words are part of what draws sentences."""
    before = code_sha256(project / "b.py")
    (project / "words.toml").write_text('words = ["one"]\n')
    with_one = code_sha256(project / "b.py")
    (project / "words.toml").write_text('words = ["two"]\n')
    assert len({before, with_one, code_sha256(project / "b.py")}) == 3


def test_data_beside_a_file_of_a_user_do_not_count(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its folder may hold anything."""
    home = tmp_path_factory.mktemp("home")
    (home / "mine.py").write_text("import workloads.b\n")
    (project / "words.toml").write_text('words = ["one"]\n')
    (home / "shopping.toml").write_text('buy = ["bread"]\n')
    found = [path.name for path in files_of(home / "mine.py")]
    assert found == ["mine.py", "__init__.py", "b.py", "words.toml"]
