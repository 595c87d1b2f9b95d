"""Tasks are found where they lie, in this package and in others."""

import os
import sys
from pathlib import Path

import pytest
from tiny_task import SIZE, TINY, TinyTask

import workloads
from workloads import tasks
from workloads.task import Task
from workloads.tasks import all_tasks, size_named


class OtherTiny(TinyTask):
    """Of the same name and sizes as the one that others name."""


class Point:
    """An entry point of another package."""

    def __init__(self, name, value):
        self.name, self.value = name, value

    def load(self):
        return self.value


@pytest.fixture
def others(monkeypatch):
    """What other packages name under the group, empty at first."""
    points = []

    def entry_points(group):
        assert group == "speechmark.tasks"
        return points

    monkeypatch.setattr(tasks, "entry_points", entry_points)
    return points


@pytest.mark.usefixtures("others")
def test_a_task_is_named_as_the_folder_that_it_lies_in():
    found = all_tasks()
    assert found
    for task in found:
        folder = Path(workloads.__file__).parent / task.name
        assert type(task).__module__ == f"workloads.{task.name}.task"
        assert (folder / "task.py").exists()


@pytest.mark.usefixtures("others")
def test_every_folder_with_the_value_of_a_task_is_found():
    root = Path(workloads.__file__).parent
    folders = {path.parent.name for path in root.glob("*/task.py")}
    names = {task.name for task in all_tasks()}
    assert names <= folders
    shared = folders - names  # what several tasks are made of
    assert all(not list((root / one).glob("weights")) for one in shared)


def test_tasks_of_other_packages_are_found_in_the_order_of_names(others):
    before = [task.name for task in all_tasks()]
    others.append(Point("tiny", TINY))
    found = all_tasks()
    assert TINY in found
    assert [task.name for task in found] == sorted([*before, "tiny"])


def test_what_is_no_task_is_refused_with_the_entry_point(others):
    others.append(Point("mine", type(TINY)))
    with pytest.raises(
        ValueError, match=r"entry point mine of speechmark\.tasks is <c"
    ):
        all_tasks()


def test_no_two_tasks_have_a_size_of_one_name():
    names = [name for task in all_tasks() for name in task.sizes]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.name)
def test_sizes_are_known_by_their_own_names(task: Task):
    for name, size in task.sizes.items():
        assert size.name == name
        assert size_named(name) == (task, size)


def test_sizes_of_other_packages_are_known_too(others):
    others.append(Point("tiny", TINY))
    assert size_named("tiny") == (TINY, SIZE)


def test_an_unknown_size_is_refused_with_those_that_there_are(others):
    others.append(Point("tiny", TINY))
    with pytest.raises(ValueError, match="no model is called 'huge': exp") as caught:
        size_named("huge")
    names = [name for task in all_tasks() for name in task.sizes]
    assert str(caught.value).endswith(", ".join(sorted(names)))


def test_of_two_tasks_with_one_name_the_first_stays(others, caplog):
    others += [Point("tiny", TINY), Point("again", TINY), Point("later", OtherTiny())]
    assert next(task for task in all_tasks() if task.name == "tiny") is TINY
    assert caplog.messages == [
        "the task tiny of the entry point later is left out: another one has its "
        "name; rename it"
    ]


def test_of_two_models_with_one_name_the_first_task_s_stays(others, caplog):
    other = OtherTiny()
    other.name = "another"  # before tiny in the order of names
    others += [Point("tiny", TINY), Point("later", other)]
    assert size_named("tiny")[0] is TINY
    assert caplog.messages == [
        f"the model {name} of the task another is left out: the task tiny has one of "
        "its name; rename it"
        for name in TINY.sizes
    ]


@pytest.fixture
def named(tmp_path, monkeypatch):
    """Names a user's file of some lines."""
    paths = []

    def name_file(name, text):
        paths.append(tmp_path / name)
        paths[-1].write_text(text)
        monkeypatch.setenv("SPEECHMARK_WORKLOADS", os.pathsep.join(map(str, paths)))
        return paths[-1]

    monkeypatch.setattr(sys, "path", list(sys.path))
    return name_file


@pytest.mark.usefixtures("others")
def test_a_user_s_file_takes_no_name_of_the_suite_s_tasks(named, caplog):
    before = all_tasks()
    path = named(
        "their_wav2letter.py",
        "from tiny_task import TinyTask\n\n\n"
        "class Theirs(TinyTask):\n    name = 'wav2letter'\n\n\nTHEIRS = Theirs()\n",
    )
    assert all_tasks() == before
    assert f"the task wav2letter of {path} is left out" in caplog.text


@pytest.mark.usefixtures("others")
def test_a_broken_file_of_a_user_is_named_and_hides_no_other_task(named, caplog):
    before = [task.name for task in all_tasks()]
    broken = named("their_broken_file.py", "import sys\n\nTASK = undefined\n")
    named("their_whole_file.py", "from tiny_task import TINY as THEIRS\n")
    assert [task.name for task in all_tasks()] == sorted([*before, "tiny"])
    assert caplog.messages == [
        f"{broken} is left out, and nothing else: {broken}:3: NameError: name "
        "'undefined' is not defined; correct it there"
    ]


@pytest.mark.usefixtures("others")
def test_tasks_of_a_user_s_file_are_found_where_the_variable_names_it(named):
    assert TINY not in all_tasks()
    named("their_task_file.py", "from tiny_task import TINY as THEIRS\n")
    assert size_named("tiny") == (TINY, SIZE)
