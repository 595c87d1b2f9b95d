"""What trainings of front-ends came to: tables, verdicts and numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.studies.command import Study
from benchmarks.studies.display import fixed
from benchmarks.studies.spoof.claims import CLAIMS, JudgedClaim, Trainings
from benchmarks.studies.spoof.filters import Displacement, peaks_hz
from benchmarks.studies.spoof.trainings import TrainedFrontend
from harness.report.tables.table import (
    Table,
    figure_column,
    formatted_column,
    text_column,
    whole_column,
)
from workloads.metrics.bootstrap import Difference
from workloads.metrics.detection import mean_difference
from workloads.spoof.data import SAMPLES
from workloads.spoof.frontends.known import MAKERS
from workloads.spoof.published import PUBLISHED
from workloads.task import parameters_of

STUDY = Study("spoof", "speechmark-spoof", "study of front-ends")
WIDTH = 120  # of its tables, where the output is no terminal


def in_percent(found: Difference) -> str:
    """
    >>> in_percent(Difference(0.123, 0.1, 0.2))
    '12.3 [10.0, 20.0]'
    """
    return f"{100 * found.value:.1f} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def eer_table(trainings: Trainings) -> Table:
    """A row a front-end, the lowest EER first."""
    means = {
        name: mean_difference([one.evaluation for one in some])
        for name, some in trainings.items()
    }
    names = sorted(means, key=lambda name: means[name].value)
    found = [means[name] for name in names]
    usual = {
        name: np.median([one.s_per_epoch for one in trainings[name]]) for name in names
    }
    of_fbank = usual.get("fbank")
    waited = [
        100 * sum(map(_waited, trainings[name])) / sum(map(_spent, trainings[name]))
        for name in names
    ]
    columns = (
        text_column("front-end", names, is_name=True),
        figure_column(
            "EER % [95 % interval]",
            map(in_percent, found),
            (100 * one.value for one in found),
            importance=5,
        ),
        formatted_column(
            "EER of training %",
            (100 * _mean(one.learned for one in trainings[name]) for name in names),
            ".1f",
            importance=3,
        ),
        formatted_column("s an epoch", usual.values(), ".1f", importance=4),
        formatted_column(
            "times fbank's",
            (None if of_fbank is None else usual[name] / of_fbank for name in names),
            ".2f",
            importance=4,
        ),
        formatted_column("% of it waiting", waited, ".1f", importance=1),
        whole_column("trainings", (len(trainings[name]) for name in names)),
    )
    notes = (
        "waiting: for batches that were not ready when they could be learned from",
    )
    return Table("eer", "Equal error rate of unseen attacks", columns, notes)


def published_table(trainings: Trainings) -> Table:
    """The paper's figures beside ours, of another corpus and larger back-ends."""
    names = list(trainings)
    theirs = [PUBLISHED[name] for name in names]
    means = [mean_difference([one.evaluation for one in trainings[n]]) for n in names]
    columns = (
        text_column("front-end", names, is_name=True),
        whole_column("parameters", map(parameters, names)),
        formatted_column(
            "MACs of 4 s (M)", (macs(name) / 1e6 for name in names), ".0f", importance=3
        ),
        figure_column("EER % here", map(in_percent, means), importance=5),
        *(
            formatted_column(f"published {what}", values, digits, importance=4)
            for what, digits, values in (
                ("EER %, ECAPA-TDNN", ".2f", [one.ecapa_eer for one in theirs]),
                ("min t-DCF", ".5f", [one.ecapa_t_dcf for one in theirs]),
                ("EER %, x-vector", ".2f", [one.x_vector_eer for one in theirs]),
                ("its min t-DCF", ".5f", [one.x_vector_t_dcf for one in theirs]),
                ("s an epoch", ".0f", [one.epoch_s for one in theirs]),
            )
        ),
    )
    notes = (
        "published: Fu et al., FastAudio, 2022, table 4: single runs on ASVspoof 2019 "
        "LA, on two GPUs (2080 Ti)",
        "MACs of the plain forms: filters at every sample, a transform by its matrix",
    )
    return Table("published", "The paper's figures beside ours", columns, notes)


def parameters(frontend: str) -> int:
    return parameters_of(MAKERS[frontend]())


def macs(frontend: str) -> int:
    return MAKERS[frontend]().plain_macs(SAMPLES)


def claims_table(trainings: Trainings) -> Table:
    judged = judged_claims(trainings)
    return Table(
        "claims",
        "The paper's claims, here",
        (
            text_column("claim", (one.claim.text for one in judged), is_name=True),
            figure_column("found [95 % interval]", map(_found, judged), importance=4),
            text_column("verdict", (one.verdict for one in judged), importance=5),
        ),
        ("intervals: of EERs over trainings and attacks, of all else over trainings",),
    )


def judged_claims(trainings: Trainings) -> list[JudgedClaim]:
    return [claim.judged(trainings) for claim in CLAIMS]


def _found(one: JudgedClaim) -> str | None:
    """
    >>> _found(JudgedClaim(CLAIMS[0], Difference(-0.02, -0.03, -0.01), "holds"))
    '-2.0 [-3.0, -1.0] points'
    >>> _found(JudgedClaim(CLAIMS[-1], Difference(0.2, -math.inf, math.inf), "holds"))
    '0.20 [of one training]'
    """
    if one.found is None:
        return None
    if math.isinf(one.found.high):
        return f"{fixed(one.found.value)} [of one training]"
    if one.claim.unit == "points":
        return f"{in_percent(one.found)} points"
    return f"{fixed(one.found.value)} [{fixed(one.found.low)}, {fixed(one.found.high)}]"


def filters_table(trainings: Trainings) -> Table:
    """How far filters moved, in the mean over trainings, and where all of them
    together let most through."""
    rows = list(_moves(trainings))
    names, moves, before, after = zip(*rows, strict=True) if rows else ((),) * 4
    columns = (
        text_column("front-end", names, is_name=True),
        formatted_column(
            "centre moves by Hz", (m.centre_hz for m in moves), ".1f", importance=4
        ),
        formatted_column("at most", (m.most_hz for m in moves), ".0f", importance=2),
        formatted_column(
            "as a share of its width", (m.relative for m in moves), ".3f", importance=5
        ),
        formatted_column(
            "width changes by Hz", (m.width_hz for m in moves), ".1f", importance=3
        ),
        whole_column("closed", (m.closed for m in moves)),
        text_column("peaks of all before", map(_peaks, before), importance=1),
        text_column("peaks of all after", map(_peaks, after), importance=2),
    )
    notes = (
        "medians over filters, means over trainings; a centre is the mean frequency of "
        "the power let through, a width the standard deviation around it; closed "
        "filters let nothing through any more",
    )
    return Table("filters", "How far learned filters move", columns, notes)


def _moves(
    trainings: Trainings,
) -> Iterator[tuple[str, Displacement, np.ndarray, np.ndarray]]:
    for name, some in trainings.items():
        pairs = [(np.array(one.before), np.array(one.after)) for one in some]
        if all(np.array_equal(*pair) for pair in pairs):
            continue
        each = [asdict(Displacement.between(*pair)) for pair in pairs]
        mean = {key: _mean(one[key] for one in each) for key in each[0]}
        before, after = (np.mean([pair[i] for pair in pairs], 0) for i in (0, 1))
        closed = round(mean.pop("closed"))
        yield name, Displacement(**mean, closed=closed), before, after


def _peaks(responses: np.ndarray) -> str:
    return ", ".join(f"{hz:.0f}" for hz in peaks_hz(responses))


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))


def _waited(one: TrainedFrontend) -> float:
    return sum(one.waited_s)


def _spent(one: TrainedFrontend) -> float:
    return sum(one.epoch_s)


def numbers(trainings: Trainings) -> dict[str, Any]:
    """All that the tables show, and each training's values."""
    return {
        "trainings": [
            {
                "frontend": one.frontend,
                "seed": one.seed,
                "eer": one.evaluation.value,
                "eer_by_attack": one.evaluation.by_attack(),
                "eer_of_training": one.learned,
                "epoch_s": one.epoch_s,
                "epoch_eer": one.epoch_eer,
            }
            for some in trainings.values()
            for one in some
        ],
        "claims": [
            {
                "claim": one.claim.text,
                "found": None if one.found is None else _plain(one.found),
                "verdict": one.verdict,
            }
            for one in judged_claims(trainings)
        ],
    }


def _plain(found: Difference) -> dict[str, float | None]:
    """JSON knows no infinity, which the ends of one training's interval are."""
    ends = asdict(found).items()
    return {name: one if math.isfinite(one) else None for name, one in ends}


def tables(trainings: Trainings) -> Sequence[Table]:
    makers = (claims_table, eer_table, filters_table, published_table)
    return [make(trainings) for make in makers]
