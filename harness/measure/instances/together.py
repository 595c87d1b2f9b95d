"""Several workers' results to one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import chain

from harness.measure.instances.shares import Share
from harness.measure.instances.windows import Window, WindowSeries
from harness.measure.results import InstanceResult, InstancesResult, OperationResult
from harness.measure.steady import WarmUp
from harness.record.schema import Memory


def together(
    drawing: WindowSeries, done: Sequence[OperationResult], shares: Sequence[Share]
) -> InstancesResult:
    """What the workers of these shares did in the windows, and what the first of them
    tells of itself."""
    first = {field.name: getattr(done[0], field.name) for field in fields(done[0])}
    found = {
        "samples_s": _samples_s(drawing.counted),
        "spoiled_samples_s": _samples_s(drawing.left_out),
        "spoiled": drawing.stays_spoiled,
        "extra_s": drawing.extra_s,
        "untimed_steps": drawing.untimed_steps,
        "window_s": sum(one.seconds for one in drawing.counted),
        "warm_up": _warm_up([one.warm_up for one in done]),
        "memory": Memory(
            peak_rss_bytes=_sum(one.memory.peak_rss_bytes for one in done),
            peak_device_bytes=None,
        ),
        "instances": tuple(
            _instance(drawing.counted, result, share)
            for result, share in zip(done, shares, strict=True)
        ),
    }
    return InstancesResult(**first | found)


def _samples_s(windows: Sequence[Window]) -> list[float]:
    return list(chain.from_iterable(one.samples_s for one in windows))


def _instance(
    windows: Sequence[Window], result: OperationResult, share: Share
) -> InstanceResult:
    own = [one.stretches[share.number - 1] for one in windows]
    return InstanceResult(
        number=share.number,
        cpus=share.cpus,
        node=share.node,
        samples_s=list(chain.from_iterable(one.samples_s for one in own)),
        span_s=sum(one.span_s for one in own),
        memory=result.memory,
    )


def _warm_up(each: Sequence[WarmUp]) -> WarmUp:
    """They wait for the last one; steady are they together if each is."""
    changes = [one.mean_change_percent for one in each]
    known = [change for change in changes if change is not None]
    return WarmUp(
        seconds=max(one.seconds for one in each),
        steps=sum(one.steps for one in each),
        steady=all(one.steady for one in each),
        mean_change_percent=max(known, default=None),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    """None where any is unknown: a part is no sum."""
    found = list(counts)
    return None if None in found else sum(count or 0 for count in found)
