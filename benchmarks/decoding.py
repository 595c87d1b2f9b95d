"""The one way to time a decoder, and its cases over searches and beams.

Loads no torch: benchmark files import it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

from benchmarks.grid import Run, grid
from harness.workload import Context, Operation, Point, UnsupportedError, Work
from workloads.recognition.searches import SEARCHES

if TYPE_CHECKING:
    from workloads.recognition.task import RecognitionTask

UTTERANCES = 16  # timed ones, evenly over the lengths of the validation set


def decoding(
    context: Context,
    task: RecognitionTask[Any],
    runtime: str,
    shortest_first: bool = False,
) -> Operation:
    """One utterance after the other, from the log-probabilities that trained weights
    give on a runtime; the case's own is the library that searches, or what takes the
    best path. Of utterances with as many frames the first is timed, in the
    data's order or, `shortest_first`, by their seconds."""
    from benchmarks import judging
    from benchmarks.inference import TimedModel, data_details, unsupported
    from workloads.feeding.choosing import full_batches

    check_decodes_here(context)
    with unsupported():
        model = TimedModel(context, task, runtime)
    if model.weights.reason is not None:  # a search through noise takes another time
        raise UnsupportedError(model.weights.reason)
    part = model.data.validation
    found = task.log_probs(model.run, model.data, batch_size=1)
    order = list(range(len(found)))
    if shortest_first:
        order.sort(key=part.durations_s.__getitem__)
    log_probs = [found[i] for i in order]
    beam = int(context.case.option("beam"))
    search = context.case.runtime if context.case.runtime in SEARCHES else None
    assert (search is None) == (beam == 1), context.case.id  # it states what is timed
    decode = task.decoder(model.data.train, beam, search)
    chosen = full_batches(list(map(len, log_probs)), 1, UTTERANCES)
    timed = cycle([log_probs[i] for (i,) in chosen])

    def step() -> None:
        decode(next(timed))

    return Operation(
        step=step,
        cycle=len(chosen),
        work=Work(1, sum(part.durations_s[order[i]] for (i,) in chosen) / len(chosen)),
        accuracy=lambda: judging.judged(
            task.scores_of(part.at(order), [*map(decode, log_probs)]), task.measures
        ),
        details=data_details(model.data, model.weights),
        accuracy_from=model.accuracy_from,
    )


def make(context: Context, task: RecognitionTask[Any], runtime: str) -> None:
    """What decoding takes and is kept, made now or before."""
    from benchmarks.inference import CaseModel, unsupported

    with unsupported():
        CaseModel(context, task, runtime).make_readable()


def check_decodes_here(context: Context) -> None:
    """Raise UnsupportedError, and say why, for hardware that decoding cannot use, and
    for a search that is not installed."""
    runtime = context.case.runtime
    if context.hardware.is_cuda:
        raise UnsupportedError("decoding runs on the CPU: use --hardware=cpu")
    if context.hardware.isa is not None:  # variables, which no decoder reads
        library = runtime if runtime in SEARCHES else "numpy"
        raise UnsupportedError(
            f"an instruction-set cap does not reach {library}, which decodes: time it "
            "on uncapped hardware"
        )
    if runtime in SEARCHES and (reason := SEARCHES[runtime].why_not_installed()):
        raise UnsupportedError(reason)


def beam_points(
    model: str, beams: Mapping[str, Sequence[int]], expected_s: float
) -> tuple[Point, ...]:
    """One for each of the beams of each runtime. A beam of 1 is the best path, which
    numpy takes of what the runtime gave; wider ones are of a library that searches."""
    return tuple(
        point
        for runtime, widths in beams.items()
        for width in widths
        for point in grid(
            [model], [Run(runtime, "fp32")], expected_s=expected_s, beam=str(width)
        )
    )
