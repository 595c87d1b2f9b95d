"""Comparisons made by hand, for tests of what is shown: a small one with something of
everything, and one of a single machine."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

from compared_cells import COMPRESSIONS, estimate, inference, measured, training

from harness.report.compare.model import (
    AccuracyCost,
    BreakEven,
    Candidate,
    Comparison,
    Difference,
    LeftOut,
    LoadCost,
    Measured,
    Mismatch,
    Money,
    NotMeasured,
    Price,
    Ranking,
    Row,
    Score,
    Serving,
    Work,
)
from harness.report.compare.published import PublishedTime

NAMES = ("epyc", "xeon", "arm")
SLOWNESS = (1.0, 0.62, 1.7)  # time over that of the first candidate
NASTY = "<img src=x onerror=alert(1)>"
CLOSING = "</script><script>alert(2)</script>"
FORMULA = '=HYPERLINK("http://evil")'
BATCH_SIZES = (1, 4, 16, 64)


def candidates(names: tuple[str, ...]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            name,
            "cpu",
            name,
            "155dc2d3021ecd2674880c1e1599afccee8205eb",
            "0.1.0",
            (f"{name}.json",),
            {"host": name, "cpu_model": f"{name} 9000", "cpu_cores_allowed": 2},
        )
        for name in names
    )


def with_ratios(cells: dict[str, Measured | NotMeasured], baseline: str) -> dict:
    """Every measured cell with its time over the baseline's."""
    base = cells[baseline]
    if not isinstance(base, Measured):
        return cells
    return {
        label: replace(cell, time_ratio=estimate(cell.step_s.value / base.step_s.value))
        if isinstance(cell, Measured)
        else cell
        for label, cell in cells.items()
    }


def inference_rows(names: tuple[str, ...]) -> list[Row]:
    works = [
        Work("asr-inference", "ds2-small", compression, runtime, batch_size)
        for compression, runtime, batch_size in product(
            COMPRESSIONS, ("eager", "onnxruntime"), BATCH_SIZES
        )
    ]
    rows = []
    for work in works:
        cells: dict[str, Measured | NotMeasured] = {
            name: inference(
                work, slowness * (1.1 if work.runtime == "eager" else 1), at == 2
            )
            for at, (name, slowness) in enumerate(zip(names, SLOWNESS, strict=False))
        }
        rows.append(Row(work, with_ratios(cells, names[0]), True))
    return rows


def other_rows(names: tuple[str, ...]) -> list[Row]:
    """Features, trainings (one labelled), one work that is not the same, one that is
    not measured everywhere."""
    pairs = list(zip(names, SLOWNESS, strict=False))
    features = Work("asr-features", "logmel-mfcc", "fp32", "eager", 1)
    trainings = [
        Work("asr-training", "ds2-small", name, "eager", 16)
        for name in ("fp32", "bf16")
    ]
    differs = Work("wav2letter", "wav2letter-small", "fp32", "openvino", 1)
    factors = {"fp32": 1.0, "bf16": 0.7}
    rows = [
        Row(
            work,
            with_ratios(
                {n: training(s * factors[work.compression]) for n, s in pairs}, names[0]
            ),
            True,
            ("seed differs",) if work.compression == "bf16" else (),
        )
        for work in trainings
    ]
    cells: dict[str, Measured | NotMeasured] = {
        name: measured(2e-4 * slowness, 1, 1) for name, slowness in pairs
    }
    if len(names) > 2:
        cells[names[2]] = NotMeasured("failed", "torchaudio: no such operator")
    rows.append(Row(features, with_ratios(cells, names[0]), True))
    rows.append(
        Row(differs, {n: measured(1e-3 * s, 1) for n, s in pairs}, len(names) == 1)
    )
    return rows


def ranking(rows: list[Row], names: tuple[str, ...]) -> Ranking:
    """xeon before epyc before arm, all but certainly."""
    order = sorted(zip(SLOWNESS, names, strict=False))
    scores = tuple(
        Score(
            name,
            1 / slowness,
            0.96 / slowness,
            1.04 / slowness,
            tuple(0.98 if at == place else 0.01 for at in range(len(order))),
            0.8 / slowness,
        )
        for place, (slowness, name) in enumerate(order)
    )
    wins = {
        a.candidate: {
            b.candidate: 0.5 if a is b else 0.975 if a.score > b.score else 0.025
            for b in scores
        }
        for a in scores
    }
    works = tuple(row.work for row in rows if row.same)
    left_out = tuple(
        LeftOut(row.work, "not the same work") for row in rows if not row.same
    )
    weights = {"asr-inference": 0.5, "asr-features": 0.25, "asr-training": 0.25}
    return Ranking(scores, wins, 0.955, works, left_out, weights, None)


def money(rows: list[Row], names: tuple[str, ...]) -> Money:
    pairs = list(zip(names, SLOWNESS, strict=False))
    work = rows[0].work
    model = (work.workload, work.model)
    return Money(
        currency="USD",
        utilization=0.5,
        years=4,
        load_audio_hours_per_day=20_000,
        limits={"wer": 0.25, "p99_ms": 50},
        prices=tuple(
            Price(n, at == 1, 0.34 / s, 0 if at == 1 else 1651.3, 0.05, "measured")
            for at, (n, s) in enumerate(pairs)
        ),
        serving=tuple(
            Serving(
                *model,
                n,
                work,
                None,
                2.1e-4 * s,
                9.0,
                4760 / s,
                1500 / s,
                7.0,
                {"wer": 0.2},
            )
            if at < 2
            else Serving(*model, n, None, "p99 is not known: 64 samples, it takes 662")
            for at, (n, s) in enumerate(pairs)
        ),
        to_accuracy=(
            *(
                AccuracyCost(rows[-3].work, n, "wer", 0.3, 30 * s, 0.003)
                for n, s in pairs
            ),
            AccuracyCost(rows[-3].work, names[0], "wer", 0.3, 86_400, 9.1, True),
        ),
        break_even=tuple(
            BreakEven(
                *model,
                names[0],
                n,
                0.31 if at == 1 else None,
                None if at == 1 else "always cheaper",
            )
            for at, n in enumerate(names)
            if at
        ),
        total=tuple(LoadCost(*model, n, 20_000, 1, 6605.2 * s) for n, s in pairs),
        over_load=over_load(model, names),
    )


def over_load(model: tuple[str, str], names: tuple[str, ...]) -> tuple[LoadCost, ...]:
    loads = [10 ** (step / 8) for step in range(8, 49)]
    return tuple(
        LoadCost(
            *model,
            name,
            load,
            n := math.ceil(load / 2e4),
            (900 + at * 700) * (n if at != 1 else load / 3e3),
        )
        for at, name in enumerate(names)
        for load in loads
    )


def small(names: tuple[str, ...] = NAMES) -> Comparison:
    """Something of everything."""
    rows = [*inference_rows(names), *other_rows(names)]
    differs = rows[-1].work
    return Comparison(
        candidates=candidates(names),
        baseline=names[0],
        rows=tuple(rows),
        mismatches=(
            Mismatch("corpus", differs, dict(zip(names, "abc", strict=False)), False),
            Mismatch(
                "seed", rows[-3].work, dict(zip(names, "123", strict=False)), True
            ),
        ),
        differences=(
            Difference("cpu_model", {name: f"{name} 9000" for name in names}),
            Difference("os_kernel", {name: f"6.{at}" for at, name in enumerate(names)}),
        ),
        ranking=ranking(rows, names),
        money=money(rows, names),
        published=(
            PublishedTime(
                "K40m",
                "asr-training",
                "ds2-small",
                "batch 96",
                "wer",
                0.3,
                70.0,
                "Baunsgaard et al. 2020",
                "fp32",
                1,
            ),
            PublishedTime(
                "Xeon Phi",
                "asr-training",
                "ds2-small",
                "batch 96",
                "wer",
                0.3,
                110.0,
                "Baunsgaard et al. 2020",
                "fp32",
                1,
            ),
            PublishedTime(
                "Xeon Phi",
                "asr-training",
                "ds2-small",
                "batch 96",
                "wer",
                0.24,
                None,
                "Baunsgaard et al. 2020",
                "fp32",
                1,
            ),
        ),
        warnings=(f"{names[0]}: measured beside other load",),
    )


def single(name: str = "epyc") -> Comparison:
    """The same works on one machine: no ratios, no ranking, no mismatch."""
    whole = small((name,))
    return replace(whole, mismatches=(), differences=(), ranking=None, money=None)
