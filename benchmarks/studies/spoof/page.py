"""The study as pictures: EER against training time, and what filters let through."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.studies.command import Models, Report
from benchmarks.studies.display import HOVER
from benchmarks.studies.spoof.claims import Trainings
from benchmarks.studies.spoof.filters import frequencies_hz
from benchmarks.studies.spoof.report import numbers, tables
from benchmarks.studies.spoof.trainings import TrainedFrontend
from harness.report.pages.pictures.picture import COLOURS, DASHES, INK, escaped

TITLE = "Front-ends for the detection of spoofed speech"
LOOK = {"template": "plotly_white", "font": {"size": 13, "color": INK}}
COLUMNS, PANEL_PX, FRAME_PX = 3, 260, 120


def report(trainings: Trainings, models: Models, heading: str) -> Report:
    """The verdicts first, then what they rest on."""
    claims, eers, filters, published = tables(trainings)
    parts = (
        claims,
        eers,
        partial(training_figure, trainings),
        filters,
        partial(filter_figure, trainings),
        partial(cumulative_figure, trainings),
        published,
    )
    return Report(TITLE, parts, numbers(trainings), models, heading)


def training_figure(trainings: Trainings) -> Any:
    """EER of evaluation after each epoch, over the seconds of learning until then: the
    mean over trainings, and the lowest and highest of them."""
    import plotly.graph_objects as go

    shown = go.Figure()
    for place, (name, some) in enumerate(trainings.items()):
        seconds, eers = curves(some)
        mean = eers.mean(0)
        look = {"color": _colour(place), "dash": DASHES[place % len(DASHES)]}
        text = [
            f"{escaped(name)}, epoch {n}<br>{one:.1f} % after {s:.0f} s"
            for n, (one, s) in enumerate(zip(mean, seconds, strict=True), start=1)
        ]
        shown.add_trace(
            {
                "type": "scatter",
                "x": seconds,
                "y": mean,
                "name": name,
                "line": look,
                "error_y": {
                    "array": eers.max(0) - mean,
                    "arrayminus": mean - eers.min(0),
                    "thickness": 1,
                    "width": 2,
                },
                "text": text,
                "hovertemplate": HOVER,
            }
        )
    return shown.update_layout(
        **LOOK,
        height=520,
        xaxis={"title": "seconds of learning, in the mean over trainings"},
        yaxis={
            "title": "EER of unseen attacks (%), lowest to highest",
            "rangemode": "tozero",
        },
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        margin={"l": 10, "r": 20, "t": 90, "b": 60},
    )


def curves(some: Sequence[TrainedFrontend]) -> tuple[np.ndarray, np.ndarray]:
    """Mean seconds (E,) until each epoch's end, and EERs in percent (trainings, E), as
    far as all trainings went."""
    epochs = min(len(one.epoch_eer) for one in some)
    seconds = np.mean([np.cumsum(one.epoch_s[:epochs]) for one in some], 0)
    return seconds, 100 * np.array([one.epoch_eer[:epochs] for one in some])


def filter_figure(trainings: Trainings) -> Any:
    """What each learned filter lets through, before training (dotted) and after the
    first seed's: every fifth, so that each is seen."""
    learned = {n: some[0] for n, some in trainings.items() if _is_learned(some[0])}
    shown = _panels(list(learned))
    for place, one in enumerate(learned.values()):
        hz = frequencies_hz(len(one.before[0]))
        for number in range(0, len(one.before), 5):
            colour = _colour(number // 5)
            for responses, dash, width in (
                (one.before, "dot", 1),
                (one.after, "solid", 2),
            ):
                shown.add_trace(
                    _line(hz, responses[number], colour, dash, width),
                    row=place // COLUMNS + 1,
                    col=place % COLUMNS + 1,
                )
    shown.update_yaxes(title_text="power let through", col=1)
    return shown


def cumulative_figure(trainings: Trainings) -> Any:
    """The sum of what all filters let through, before (dotted) and after, over all
    trainings."""
    learned = {n: some for n, some in trainings.items() if _is_learned(some[0])}
    shown = _panels(list(learned))
    for place, some in enumerate(learned.values()):
        hz = frequencies_hz(len(some[0].before[0]))
        where = {"row": place // COLUMNS + 1, "col": place % COLUMNS + 1}
        before = np.mean([np.sum(one.before, 0) for one in some], 0)
        shown.add_trace(_line(hz, before, INK, "dot", 1), **where)
        for one in some:
            total = np.sum(one.after, 0)
            shown.add_trace(_line(hz, total, _colour(place), "solid", 1.5), **where)
    shown.update_yaxes(title_text="sum over filters", col=1)
    return shown


def _is_learned(one: TrainedFrontend) -> bool:
    return one.before != one.after


def _panels(titles: Sequence[str]) -> Any:
    from plotly.subplots import make_subplots

    rows = max(1, -(-len(titles) // COLUMNS))
    shown = make_subplots(
        rows=rows,
        cols=COLUMNS,
        subplot_titles=[escaped(title) for title in titles],
        horizontal_spacing=0.06,
        vertical_spacing=0.25 / rows,
    )
    shown.update_xaxes(title_text="Hz", row=rows)
    return shown.update_layout(
        **LOOK,
        height=PANEL_PX * rows + FRAME_PX,
        margin={"l": 10, "r": 20, "t": 60, "b": 60},
        showlegend=False,
    )


def _line(
    hz: np.ndarray, values: Any, colour: str, dash: str, width: float
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": hz,
        "y": np.asarray(values),
        "mode": "lines",
        "line": {"color": colour, "dash": dash, "width": width},
        "hovertemplate": "%{x:.0f} Hz: %{y:.2f}<extra></extra>",
    }


def _colour(place: int) -> str:
    return str(COLOURS[place % len(COLOURS)])
