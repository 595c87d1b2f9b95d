"""The command that trains, run in this process on the tiny task."""

import json
from types import SimpleNamespace

from click.testing import CliRunner
from tiny_task import ERRORS, SIZE, TINY, TinyObjective

from workloads import tasks, train
from workloads.metrics.error_rates import ErrorRate
from workloads.metrics.scores import Scores
from workloads.training import weights
from workloads.training.objective import Evaluation

SHORT = ["--epochs", "1"]
PRUNED = "prune-l1-unstructured-50"
COMMAND = "python -m workloads.train --model tiny"


def own_places(folder, monkeypatch):
    """The folder, with a cache and shipped weights of its own, both empty; the tiny
    task is another package's."""
    monkeypatch.setenv("SPEECHMARK_CACHE", str(folder / "cache"))
    monkeypatch.setattr(weights, "shipped_dir", lambda _: folder / "shipped")
    point = SimpleNamespace(name="tiny", load=lambda: TINY)
    monkeypatch.setattr(tasks, "entry_points", lambda group: [point])
    return folder


def run(*arguments, model="tiny", code=0):
    """What the command says, where it ends with the exit code."""
    done = CliRunner().invoke(train.main, ["--model", model, *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def error_of(*arguments, model="tiny"):
    """Of options that are refused before anything is made."""
    return " ".join(run(*arguments, model=model, code=2).split())


def facts_of(path):
    return json.loads(path.with_suffix(".json").read_text())


def judged_as(monkeypatch, *losses, errors=(1,)):
    """Let the epochs reach these validation losses, whatever is trained, and first of
    all the weights that it goes on from, if any; the error rates are `errors` of 4, the
    last of them again and again."""
    left, wrong = iter(losses), list(errors)

    def evaluate(*_):
        count = wrong.pop(0) if len(wrong) > 1 else wrong[0]
        return Evaluation(next(left), Scores.of(ErrorRate(ERRORS, (count,), (4,))))

    monkeypatch.setattr(TinyObjective, "evaluate", evaluate)


def state_of(path):
    return weights.load(TINY, SIZE, path).state_dict()
