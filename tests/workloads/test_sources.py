"""What a module's results depend on, followed through its imports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workloads import sources
from workloads.sources import ROOT, code_sha256, files_of


def names_of(module: str) -> set[str]:
    """Those of `workloads` without its name, and all others as they are."""
    found = files_of(ROOT / "workloads" / module)
    names = (str(path.relative_to(ROOT)) for path in found)
    return {name.removeprefix("workloads/") for name in names}


@pytest.mark.parametrize(
    "module", ["separation/exporting.py", "wav2letter/models.py", "asr/plain.py"]
)
def test_plain_outputs_depend_on_all_that_computes_them(module: str) -> None:
    """Layers and what makes them plain lie outside the maker's own folder."""
    assert {"values/plain.py", "values/layers.py", "weights.py"} <= names_of(module)
    assert "basics/files.py" in names_of(module)
    shared = {"frame_convolution.py", "few_channels.py"}
    assert module.startswith("asr") or shared <= names_of(module)
    assert not module.startswith("asr") or "feeding/batching.py" in names_of(module)


def test_what_is_not_imported_does_not_count() -> None:
    """Else each edit of a page would make every model anew."""
    found = names_of("separation/exporting.py")
    assert not {"separation/shipped.py", "separation/train_weights.py"} & found
    assert "asr/ds2.py" not in found


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
