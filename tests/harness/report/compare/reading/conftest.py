"""Result files of machines, matched and summed up."""

from dataclasses import replace

import pytest
from recorded import CASE, record, result_file

from harness.report.compare.reading import figures
from harness.report.compare.reading.gather import gather
from harness.report.compare.reading.match import match


@pytest.fixture
def matched(tmp_path):
    """Writes a file for each (machine, records, changes), and matches their works."""

    def of(*files, allow=()):
        arguments = []
        for number, (name, records, changes) in enumerate(files):
            path = tmp_path / f"{number}.json"
            result_file(path, *records, **changes)
            arguments.append(f"{name}={path}")
        return match(gather(arguments, "software" in allow), allow)

    return of


@pytest.fixture
def row(tmp_path):
    """The only work of some machines, each given with the records of its runs."""

    def of(baseline="a", **machines):
        arguments = []
        for name, runs in machines.items():
            for number, one in enumerate(runs):
                path = tmp_path / f"{name}{number}.json"
                others = [record(case=replace(CASE, batch_size=99))]
                result_file(path, *([one] if one else []), *others)
                arguments.append(f"{name}={path}")
        gathered = gather(arguments)
        works = match(gathered).works
        chosen = next(one for one in works if one.work.batch_size != 99)
        return figures.row(chosen, list(machines), baseline)

    return of


@pytest.fixture
def measured(row):
    """One machine's figures over the records of its runs."""
    return lambda *runs: row(a=runs).cells["a"]
