"""How often what a comparison prints is true, of machines whose truth is known:
`python -m harness.report.compare.simulation`.

Two machines that are equally fast are measured again and again; on each, times vary
from run to run (all works of a run together), from process to process and from sample
to sample. What is counted went through the very functions that `speechmark compare`
prints from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import click
import numpy as np

from harness.record.derive import PERCENTILES, latency_ms
from harness.report.compare.model import Error, Estimate, Measured, Row, Work
from harness.report.compare.ranking.rank import rank
from harness.report.compare.reading.estimates import log_estimate, ratio_estimate
from harness.report.compare.shown.verdict import clear_winner
from harness.report.tables.outputs import Outputs, table_outputs, usage_errors
from harness.report.tables.table import Column, Table, figure_column, whole_column
from harness.report.tables.terminal import console_of, print_table

MACHINES = ("a", "b")
DRAWS = 1000  # of a ranking's bootstrap
SAMPLE_DEVIATION = 0.02  # of a step, about its process
INTERVALS = ("score", "ratio", "time")
WIDTH = 120  # of a table, where the output is no terminal
Shape = Literal["normal", "bimodal"]


@dataclass(frozen=True)
class Setting:
    """How much is measured, and by how much it varies: standard deviations of the
    logarithm. Bimodal processes are slow or fast, as a coin falls; `deviation` is then
    what two equally likely speeds have."""

    works: int
    runs: int
    processes: int
    run_deviation: float
    process_deviation: float
    shape: Shape = "normal"


@dataclass(frozen=True)
class Truth:
    """Shares of trials: a clear winner among equals; an interval that holds the truth,
    of the score over all works, of one work's ratio, and of one work's time; NaN where
    there is no interval."""

    false_winners: float
    score_held: float
    ratio_held: float
    time_held: float


def simulate(setting: Setting, trials: int, seed: int = 0) -> Truth:
    generator = np.random.default_rng(seed)
    found = np.array([_trial(setting, generator) for _ in range(trials)], dtype=float)
    return Truth(*found.mean(axis=0).tolist())


def _trial(
    setting: Setting, generator: np.random.Generator
) -> tuple[bool, float, float, float]:
    times = [_times(setting, generator) for _ in MACHINES]
    rows = [
        Row(
            Work("w", "m", "fp32", "eager", n),
            dict(zip(MACHINES, cells, strict=True)),
            True,
        )
        for n, cells in enumerate(zip(*times, strict=True))
    ]
    ranking = rank(rows, MACHINES, MACHINES[0], {}, {"w"}, DRAWS)
    (score,) = (s for s in ranking.scores if s.candidate == MACHINES[1])
    own, other = times[1][0].step_s, times[0][0].step_s
    return (
        clear_winner(ranking) is not None,
        _holds(score.low, score.high),
        _interval_holds(ratio_estimate(own, other)),
        _interval_holds(own),
    )


def _interval_holds(found: Estimate) -> float:
    return _holds(found.low, found.high)


def _holds(low: float | None, high: float | None) -> float:
    """Whether 1 lies within; NaN, if there is no interval."""
    if low is None or high is None:
        return math.nan
    return float(low <= 1.0 <= high)


def _times(setting: Setting, generator: np.random.Generator) -> list[Measured]:
    """Of one machine: its works' times, each of which is truly 1 s."""
    whole = generator.normal(0, setting.run_deviation, (1, setting.runs, 1))
    shape = (setting.works, setting.runs, setting.processes)
    values = np.exp(whole + _of_processes(setting, shape, generator))
    runs = np.repeat(range(setting.runs), setting.processes).tolist()
    return [_cell(log_estimate(one.ravel().tolist(), runs)) for one in values]


def _of_processes(
    setting: Setting, shape: tuple[int, ...], generator: np.random.Generator
) -> np.ndarray:
    if setting.shape == "bimodal":
        return setting.process_deviation * generator.choice([-1.0, 1.0], shape)
    return generator.normal(0, setting.process_deviation, shape)


def _cell(step_s: Estimate) -> Measured:
    """A case of which nothing else is known."""
    nothing = Estimate(0.0, None, None, ())
    return Measured(
        step_s=step_s,
        throughput_items_per_s=nothing,
        rtfx=nothing,
        latency_ms={},
        errors={"wer": Error(0.1, (0.1, 0.1), 100, None, None, None)},
        errors_reason=None,
        gate_passed=None,
        training=None,
        joules_per_audio_hour=None,
        energy_source="none",
        energy_reason=None,
        peak_rss_bytes=None,
        peak_device_bytes=None,
        model_bytes=None,
        peak=None,
        kernels=(),
        kernels_coverage_percent=None,
        timeline=(),
        spoiled=False,
        warnings=(),
    )


def bounds_held(
    setting: Setting, percentile: str, samples: int, trials: int, seed: int = 0
) -> float:
    """The share of trials in which a percentile's 99 % upper bound is above the truth:
    of all processes in all runs there may be. NaN where there is no bound."""
    generator = np.random.default_rng(seed)
    truth_ms = _true_percentile_ms(setting, PERCENTILES[percentile])
    runs = np.repeat(range(setting.runs), setting.processes).tolist()
    held = []
    for _ in range(trials):
        whole = generator.normal(0, setting.run_deviation, (1, setting.runs, 1))
        shape = (1, setting.runs, setting.processes)
        levels = (whole + _of_processes(setting, shape, generator)).reshape(-1, 1)
        spread = (len(runs), -(-samples // len(runs)))
        drawn = np.exp(levels + generator.normal(0, SAMPLE_DEVIATION, spread))
        found = latency_ms(list(drawn), np.median(drawn, axis=1).tolist(), runs)
        bound = found[percentile].upper_bound
        held.append(math.nan if bound is None else float(bound >= truth_ms))
    return float(np.mean(held))


def _true_percentile_ms(setting: Setting, share: float) -> float:
    generator = np.random.default_rng(0)
    logs = generator.normal(
        0, math.hypot(setting.run_deviation, SAMPLE_DEVIATION), 10**6
    )
    logs += _of_processes(setting, logs.shape, generator)
    return float(1e3 * np.exp(np.quantile(logs, share)))


RUN_DEVIATIONS = (0.0, 0.01, 0.02, 0.03, 0.05)
PROCESSES: tuple[tuple[Shape, float], ...] = (("normal", 0.03), ("bimodal", 0.05))
PLANS = ((1, 3), (2, 3), (3, 1), (3, 3))  # runs, processes


def comparison_table(works: int, trials: int, seed: int) -> Table:
    """False winners at each run-wide deviation; and of the intervals the least share
    that held the truth, at any of them."""
    settings = [
        Setting(works, runs, processes, 0.0, deviation, shape)
        for shape, deviation in PROCESSES
        for runs, processes in PLANS
    ]
    rows = [_shares(setting, trials, seed) for setting in settings]
    titles = [*(f"{100 * run:g} %" for run in RUN_DEVIATIONS), *INTERVALS]
    columns = (
        *_plan_columns(settings),
        figure_column("of a process", map(_deviation, settings), is_name=True),
        *map(_share_column, titles, zip(*rows, strict=True)),
    )
    return Table("comparisons", "", columns)


def _shares(setting: Setting, trials: int, seed: int) -> tuple[float, ...]:
    found = [
        simulate(replace(setting, run_deviation=run), trials, seed)
        for run in RUN_DEVIATIONS
    ]
    least = np.min([(t.score_held, t.ratio_held, t.time_held) for t in found], 0)
    return (*(one.false_winners for one in found), *least.tolist())


def bound_table(trials: int, seed: int) -> Table:
    """At deviations of processes of 3 and 6 %, without and with runs that deviate."""
    kinds = [(run, process) for run in (0.0, 0.05) for process in (0.03, 0.06)]
    titles = [f"{100 * process:g} % (runs {100 * run:g} %)" for run, process in kinds]
    plans = [
        (name, samples, Setting(1, runs, processes, 0.0, 0.0))
        for name, samples in (("p90", 99), ("p99", 999))
        for runs, processes in ((1, 1), (1, 3), (3, 1), (3, 3))
    ]
    rows = [
        [
            bounds_held(_varying(setting, *kind), name, samples, trials, seed)
            for kind in kinds
        ]
        for name, samples, setting in plans
    ]
    columns = (
        figure_column("percentile", (name for name, _, _ in plans), is_name=True),
        whole_column("samples", (samples for _, samples, _ in plans), importance=1),
        *_plan_columns([setting for _, _, setting in plans]),
        *map(_share_column, titles, zip(*rows, strict=True)),
    )
    return Table("bounds", "", columns)


def _varying(setting: Setting, run: float, process: float) -> Setting:
    return replace(setting, run_deviation=run, process_deviation=process)


def _plan_columns(settings: Sequence[Setting]) -> tuple[Column, ...]:
    runs = whole_column("runs", (one.runs for one in settings), is_name=True)
    processes = (one.processes for one in settings)
    return runs, whole_column("processes", processes, is_name=True)


def _deviation(setting: Setting) -> str:
    shape = "" if setting.shape == "normal" else f" {setting.shape}"
    return f"{100 * setting.process_deviation:g} %{shape}"


def _share_column(title: str, shares: Sequence[float]) -> Column:
    values = [None if math.isnan(share) else 100 * share for share in shares]
    texts = ("none told" if v is None else f"{v:.1f} %" for v in values)
    return figure_column(title, texts, values)


@click.command()
@click.option("--trials", default=1000, show_default=True, help="of each setting")
@click.option("--works", default=20, show_default=True, help="of each comparison")
@click.option("--seed", default=0, show_default=True)
@click.option("--bounds", is_flag=True, help="of percentiles instead")
@table_outputs()
def main(trials: int, works: int, seed: int, bounds: bool, outputs: Outputs) -> None:
    """Compare two equal machines many times: how often is what is printed true?

    Of clear winners, which are all false: the share of trials, by the deviation of
    whole runs. Of intervals of 95 %: the least share that held the truth.
    """
    with usage_errors():
        outputs.check()
    found = (
        bound_table(trials, seed) if bounds else comparison_table(works, trials, seed)
    )
    print_table(found, console_of(WIDTH))
    outputs.write([found])


if __name__ == "__main__":
    main()
