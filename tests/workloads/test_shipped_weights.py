"""What stands beside the weights that come with the project, of every task."""

import shlex

import pytest

from workloads.tasks import all_tasks
from workloads.train import main
from workloads.training.weights import load_facts, shipped_dir, weights_name

EARLIER = "workloads.separation.train_weights"  # had an option for shorter mixtures
SHIPPED = [
    (task, path)
    for task in all_tasks()
    for path in sorted(shipped_dir(task).glob("*.safetensors"))
]


def facts_and_commands(task, path):
    size = next(
        size
        for size in sorted(task.sizes.values(), key=lambda one: -len(one.name))
        if path.stem == size.name or path.stem.startswith(f"{size.name}-")
    )
    facts = load_facts(task, size, path)
    before = facts.get("started_from", "").split("; ")
    return size, facts, [*filter(None, before), facts["command"]]


each_file = pytest.mark.parametrize(
    ("task", "path"), SHIPPED, ids=[path.stem for _, path in SHIPPED]
)


@each_file
def test_commands_beside_weights_are_understood_or_a_note_says_why_not(task, path):
    size, facts, commands = facts_and_commands(task, path)
    for command in commands:
        _, _, module, *options = shlex.split(command)
        if module == EARLIER:
            assert "--segment-s" in options
            assert EARLIER in facts["note"]
            continue
        assert module == "workloads.train"
        chosen = main.make_context("train", options).params
        assert chosen["model"] == (task, size)


@each_file
def test_the_last_command_made_the_very_file(task, path):
    size, _, (*_, command) = facts_and_commands(task, path)
    words = shlex.split(command)
    has = "--compression" in words
    compression = words[words.index("--compression") + 1] if has else ""
    assert weights_name(size, compression) == path.stem
