"""Time to accuracy: a training is clocked from the creation of its model.

TTA(a, e) is the time to the end of the first epoch at which the median of the last e
per-epoch validation errors is at most a (of a metric of which higher is better, at
least a). Evaluation counts. A level that is not reached
within the budget is a miss, never a number. (Baunsgaard, Wrede and Tozun, Training for
Speech Recognition on Co-processors, with e = 3; the median keeps one lucky epoch from
ending the race.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any

from harness.metrics import Better, as_loss
from harness.workload import Target, TrainingEvent

WINDOW_EPOCHS = 3


@dataclass(frozen=True)
class EpochPoint:
    """One epoch of the learning curve; `end_s` runs from the model's creation."""

    epoch: int
    end_s: float
    train_s: float  # time in the state "train" during this epoch
    loss: float | None
    validation_loss: float | None
    errors: Mapping[str, float]


@dataclass(frozen=True)
class Reached:
    """One target: where it was reached, or that it was not."""

    metric: str
    level: float
    reached: bool
    tta_s: float | None
    epochs_to_target: int | None
    better: Better = "lower"
    unit: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class Run:
    """A clocked training."""

    total_s: float
    curve: tuple[EpochPoint, ...]
    targets: tuple[Reached, ...]
    state_s: Mapping[str, float]  # wall time per state
    states: tuple[tuple[float, str], ...]  # when each state began
    step_s: tuple[float, ...] = field(repr=False)  # of each optimizer step
    resumed: int = 0  # how often it went on from a checkpoint

    @property
    def s_per_epoch(self) -> float | None:
        """Mean wall time of an epoch, evaluation included."""
        return self.curve[-1].end_s / len(self.curve) if self.curve else None


def reached(
    curve: Sequence[EpochPoint], target: Target, window: int = WINDOW_EPOCHS
) -> Reached:
    """Where a curve first meets a target."""
    if absent := [p.epoch for p in curve if target.metric not in p.errors]:
        raise ValueError(
            f"the target {target.metric} is not among the errors of epoch {absent[0]}: "
            f"{', '.join(curve[0].errors) or 'none'}"
        )
    better = target.better
    losses = [as_loss(point.errors[target.metric], better) for point in curve]
    level = as_loss(target.level, better)
    missed = Reached(
        target.metric,
        target.level,
        reached=False,
        tta_s=None,
        epochs_to_target=None,
        better=better,
        unit=target.unit,
        title=target.title,
    )
    for end in range(window, len(curve) + 1):
        if median(losses[end - window : end]) <= level:
            at = curve[end - 1]
            return replace(
                missed, reached=True, tta_s=at.end_s, epochs_to_target=at.epoch
            )
    return missed


def clock_training(
    events: Callable[[Callable[[], dict[str, Any]]], Iterator[TrainingEvent]],
    targets: Sequence[Target],
    budget_s: float,
    now_s: Callable[[], float],
    on_event: Callable[[TrainingEvent, float], None] = lambda event, seconds: None,
    most_epochs: int | None = None,
) -> Run:
    """Advance a training until every target is reached, the budget is spent or so many
    epochs ended.

    The budget is looked at after each event: a run over it stops there, its unfinished
    epoch is not part of the curve, and an epoch that ended beyond it reaches no target.
    `events` receives a function whose value belongs into its checkpoints; a training
    that goes on from one hands that value back in its first event (kind "resumed"), and
    the clock goes on from there.
    """
    watch = _Stopwatch(now_s)
    stream = events(watch.save)
    for event in stream:
        at = watch.stamp(event)
        on_event(event, at)
        if event.kind == "epoch" and (
            len(watch.curve) == most_epochs or _all_reached(watch.curve, targets)
        ):
            break
        if at >= budget_s:
            break
    close = getattr(stream, "close", None)
    if close is not None:
        close()
    return Run(
        watch.elapsed_s,
        tuple(watch.curve),
        tuple(reached(_within(watch.curve, budget_s), target) for target in targets),
        dict(watch.state_s),
        tuple(watch.states),
        tuple(watch.step_s),
        watch.resumed,
    )


def _within(curve: Sequence[EpochPoint], budget_s: float) -> list[EpochPoint]:
    return [point for point in curve if point.end_s <= budget_s]


def _all_reached(curve: Sequence[EpochPoint], targets: Sequence[Target]) -> bool:
    return all(reached(curve, target).reached for target in targets)


class _Stopwatch:
    """Attributes the time between events to the state that was on."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._began = self._last = self._mark = now_s()
        self._state = "create"
        self.state_s: dict[str, float] = defaultdict(float)
        self.states: list[tuple[float, str]] = [(0.0, "create")]
        self.step_s: list[float] = []
        self.curve: list[EpochPoint] = []
        self.resumed = 0

    @property
    def elapsed_s(self) -> float:
        return self._last - self._began

    def stamp(self, event: TrainingEvent) -> float:
        """Seconds from the model's creation to this event, which is booked."""
        now = self._now_s()
        self.state_s[self._state] += now - self._last
        self._last = now
        if event.kind == "state":
            self._state, self._mark = event.state, now
            self.states.append((now - self._began, event.state))
        elif event.kind == "step":
            self.step_s.append(now - self._mark)
            self._mark = now
        elif event.kind == "epoch":
            self._end_epoch(event, now - self._began)
        elif event.kind == "resumed":
            self._restore(dict(event.notes or {}))
        return now - self._began

    def _end_epoch(self, event: TrainingEvent, end_s: float) -> None:
        train_s = self.state_s["train"] - sum(point.train_s for point in self.curve)
        self.curve.append(
            EpochPoint(
                event.epoch,
                end_s,
                train_s,
                event.loss,
                event.validation_loss,
                dict(event.values or {}),
            )
        )

    def save(self) -> dict[str, Any]:
        """The stopwatch as plain values, for a checkpoint."""
        now = self._now_s()
        under_way_s = self.state_s[self._state] + now - self._last
        return {
            "elapsed_s": now - self._began,
            "state_s": dict(self.state_s) | {self._state: under_way_s},
            "states": list(self.states),
            "step_s": list(self.step_s),
            "curve": [asdict(point) for point in self.curve],
            "resumed": self.resumed,
        }

    def _restore(self, saved: dict[str, Any]) -> None:
        self._began -= saved["elapsed_s"]
        for state, seconds in saved["state_s"].items():
            self.state_s[state] += seconds
        self.states = [(at, state) for at, state in saved["states"]]
        self.step_s = list(saved["step_s"])
        self.curve = [EpochPoint(**point) for point in saved["curve"]]
        self.states.append((saved["elapsed_s"], self._state))
        self.resumed = saved["resumed"] + 1
        self._mark = self._last
