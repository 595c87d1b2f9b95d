"""Feature extraction, and the input pipeline over readers and prefetch.

`asr-features` times the transform alone: waveforms in memory to 93 features a frame.
`asr-input` times what a training waits for: batches read, normalised and padded, from
shards that hold features computed ahead, or from audio on the fly. Left out on purpose:
the model. The files are in the page cache after warm-up, as they are from a training's
second epoch on when the corpus fits into memory.
"""

from collections.abc import Sequence
from functools import partial
from itertools import chain, cycle, islice, product

from benchmarks.grid import grid, runs
from harness.plan import Measure, Planned
from harness.workload import Accuracy, Context, Operation, Point, Work, Workload

CYCLE = 16  # batches of waveforms, evenly over the lengths of the validation set
STREAMED_BATCHES = 8  # in a step of the input pipeline, at least
STREAMED_DEPTHS = 2  # so many times what readers and prefetch hold at once
NO_ACCURACY = Accuracy({}, "input has no accuracy of its own: tests hold it equal")


def build_features(context: Context) -> Operation:
    import torch

    from benchmarks.inference import request_of, single_device, unsupported
    from workloads.asr.features import LogMelMfcc
    from workloads.corpora.speech import speech_of
    from workloads.corpora.utterance import read_audio
    from workloads.feeding.choosing import full_batches

    device = torch.device(single_device(context))
    with unsupported():
        corpus = speech_of(request_of(context))
    spoken = corpus.validation
    lengths_ms = [round(1000 * one.duration_s) for one in spoken]
    chosen = full_batches(lengths_ms, context.case.batch_size, CYCLE)
    transform = LogMelMfcc().to(device)

    def waveform(position: int) -> torch.Tensor:
        return torch.from_numpy(read_audio(spoken[position])).to(device)

    timed = cycle([[waveform(i) for i in positions] for positions in chosen])
    durations_s = [spoken[i].duration_s for positions in chosen for i in positions]
    count = len(chosen)
    return Operation(
        step=lambda: transform(next(timed)),
        cycle=count,
        work=Work(len(durations_s) / count, sum(durations_s) / count),
        accuracy=lambda: NO_ACCURACY,
        details={"corpus": corpus.name, "corpus_checksum": corpus.checksum},
    )


def build_input(context: Context) -> Operation:
    import torch

    from benchmarks import inference
    from workloads.asr.task import recordings_for
    from workloads.feeding.batching import padding_percent, plan_epoch
    from workloads.feeding.choosing import evenly
    from workloads.recognition.batches import stream

    device = torch.device(inference.single_device(context))
    option = context.case.option
    readers, prefetch = int(option("readers")), int(option("prefetch"))
    with inference.unsupported():
        asked = inference.request_of(context)
        on_the_fly = option("features") == "on-the-fly"
        data = recordings_for(asked, on_the_fly, readers, prefetch)
    frames = data.train.frames
    planned = plan_epoch(frames, context.case.batch_size, context.seed, epoch=2)
    count = max(STREAMED_BATCHES, STREAMED_DEPTHS * max(readers, prefetch))
    some = evenly(planned, count)
    chosen = list(islice(cycle(some), count))  # again, where an epoch has fewer
    streamed = list(chain.from_iterable(chosen))
    padding = {"padding_percent": padding_percent(frames, chosen)}

    def step() -> None:
        for _ in stream(data.train, data, chosen, device):
            pass

    return Operation(
        step=step,
        work=Work(len(streamed), sum(data.train.durations_s[i] for i in streamed)),
        accuracy=lambda: NO_ACCURACY,
        details=inference.data_details(data) | padding,
    )


def make(context: Context) -> None:
    """The corpus, and its features: seconds, where waveforms alone are wanted."""
    from benchmarks.inference import request_of, unsupported
    from workloads.asr.task import recordings_for

    with unsupported():
        recordings_for(request_of(context), on_the_fly=False, readers=1, prefetch=1)


EAGER = runs(eager=("fp32",))
MODELS = ("logmel-mfcc",)
SHARDS, ON_THE_FLY = ("shards",), ("on-the-fly",)


def _input(expected_s: float, *axes: Sequence[object]) -> tuple[Point, ...]:
    """A point for each combination of features, readers and prefetch."""
    at_batch_32 = partial(grid, MODELS, EAGER, batch_sizes=(32,), expected_s=expected_s)
    return tuple(
        point
        for features, readers, prefetch in product(*(map(str, axis) for axis in axes))
        for point in at_batch_32(features=features, readers=readers, prefetch=prefetch)
    )


FEATURES = Workload(
    name="asr-features",
    stage="infer",
    description="waveforms to log-mel and MFCC features",
    build=build_features,
    make=make,
    make_s=1,
    tells_errors=False,
    points={
        "smoke": grid(MODELS, EAGER, batch_sizes=(1,), expected_s=6),
        "quick": grid(MODELS, EAGER, batch_sizes=(1, 16), expected_s=6),
        "standard": grid(MODELS, EAGER, batch_sizes=(1, 16, 64), expected_s=120),
        "paper": grid(MODELS, EAGER, batch_sizes=(1, 16, 64), expected_s=400),
    },
)
INPUT = Workload(
    name="asr-input",
    stage="infer",
    description="batches ready for the model, over readers and prefetch",
    build=build_input,
    make=make,
    make_s=1,
    tells_errors=False,
    points={
        "smoke": _input(6, SHARDS, (1,), (4,)),
        "quick": _input(7, SHARDS, (1,), (4,)) + _input(7, ON_THE_FLY, (1, 2), (4,)),
        "standard": _input(150, SHARDS + ON_THE_FLY, (1, 2, 4, 8), (4, 40)),
        # The paper's readers and prefetch depths.
        "paper": _input(400, SHARDS + ON_THE_FLY, (1, 2, 4, 8, 16), (40, 100)),
    },
)
WORKLOADS = (FEATURES, INPUT)


def test_input(planned: Planned, measure: Measure) -> None:
    measure(planned)
