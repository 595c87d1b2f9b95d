"""How often what a comparison prints is true, of machines whose truth is known:
`python -m harness.report.compare.simulation`.

Two machines that are equally fast are measured again and again; on each, times vary
from run to run (all works of a run together), from process to process and from sample
to sample. What is counted went through the very functions that `speechmark compare`
prints from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from harness.record.derive import PERCENTILES, latency_ms
from harness.report.compare.model import Error, Estimate, Measured, Row, Work
from harness.report.compare.ranking.rank import rank
from harness.report.compare.reading.estimates import log_estimate, ratio_estimate
from harness.report.compare.shown.verdict import clear_winner

MACHINES = ("a", "b")
DRAWS = 1000  # of a ranking's bootstrap
SAMPLE_DEVIATION = 0.02  # of a step, about its process
INTERVALS = ("score", "ratio", "time")
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
class Told:
    """Shares of trials: a clear winner among equals; an interval that holds the truth,
    of the score over all works, of one work's ratio, and of one work's time; NaN where
    no interval is told."""

    false_winners: float
    score_held: float
    ratio_held: float
    time_held: float


def simulate(setting: Setting, trials: int, seed: int = 0) -> Told:
    generator = np.random.default_rng(seed)
    found = np.array([_trial(setting, generator) for _ in range(trials)], dtype=float)
    return Told(*found.mean(axis=0).tolist())


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
    """Whether 1 lies within; NaN, if nothing is told."""
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
    of all processes in all runs there may be. NaN where no bound is told."""
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
    winners = [f"{100 * run:g} %" for run in RUN_DEVIATIONS]
    table = _table("runs", "processes", "of a process", *winners, *INTERVALS)
    for shape, deviation in PROCESSES:
        for runs, processes in PLANS:
            settings = [
                Setting(works, runs, processes, run, deviation, shape)
                for run in RUN_DEVIATIONS
            ]
            told = [simulate(one, trials, seed) for one in settings]
            least = np.min([(t.score_held, t.ratio_held, t.time_held) for t in told], 0)
            shares = (*(one.false_winners for one in told), *least.tolist())
            table.add_row(*_cells(settings[0]), *map(_percent, shares))
    return table


def bound_table(trials: int, seed: int) -> Table:
    """At deviations of processes of 3 and 6 %, without and with runs that deviate."""
    kinds = [(run, process) for run in (0.0, 0.05) for process in (0.03, 0.06)]
    heads = [f"{100 * process:g} % (runs {100 * run:g} %)" for run, process in kinds]
    table = _table("percentile", "samples", "runs", "processes", *heads)
    for name, samples in (("p90", 99), ("p99", 999)):
        for runs, processes in ((1, 1), (1, 3), (3, 1), (3, 3)):
            held = [
                bounds_held(
                    Setting(1, runs, processes, *kind), name, samples, trials, seed
                )
                for kind in kinds
            ]
            counts = map(str, (samples, runs, processes))
            table.add_row(name, *counts, *map(_percent, held))
    return table


def _table(*titles: str) -> Table:
    table = Table(box=None)
    for title in titles:
        table.add_column(title, justify="right")
    return table


def _cells(setting: Setting) -> tuple[str, ...]:
    shape = "" if setting.shape == "normal" else f" {setting.shape}"
    deviation = f"{100 * setting.process_deviation:g} %{shape}"
    return str(setting.runs), str(setting.processes), deviation


def _percent(share: float) -> str:
    return "none told" if math.isnan(share) else f"{100 * share:.1f} %"


@click.command()
@click.option("--trials", default=1000, show_default=True, help="of each setting")
@click.option("--works", default=20, show_default=True, help="of each comparison")
@click.option("--seed", default=0, show_default=True)
@click.option("--bounds", is_flag=True, help="of percentiles instead")
def main(trials: int, works: int, seed: int, bounds: bool) -> None:
    """Compare two equal machines many times: how often is what is printed true?

    Of clear winners, which are all false: the share of trials, by the deviation of
    whole runs. Of intervals of 95 %: the least share that held the truth.
    """
    found = (
        bound_table(trials, seed) if bounds else comparison_table(works, trials, seed)
    )
    Console(width=120).print(found)


if __name__ == "__main__":
    main()
