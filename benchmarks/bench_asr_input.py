"""Feature extraction, and the input pipeline over readers and prefetch.

`asr-features` times the transform alone: waveforms in memory to 93 features a frame.
`asr-input` times what a training waits for: batches read, normalised and padded, from
shards that hold features computed ahead, or from audio on the fly. Left out on purpose:
the model. The files are in the page cache after warm-up, as they are from a training's
second epoch on when the corpus fits into memory.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.plan import Planned
from harness.workload import Accuracy, Context, Operation, Point, Workload

CYCLE = 16  # batches of waveforms, evenly over the lengths of the validation set
STREAMED_BATCHES = 8  # in a step of the input pipeline, at least
STREAMED_DEPTHS = 2  # so many times what readers and prefetch hold at once
NO_ACCURACY = Accuracy({}, "input has no accuracy of its own: tests hold it equal")


def build_features(context: Context) -> Operation:
    import torch

    from benchmarks import asr, common
    from workloads.asr.features import LogMelMfcc
    from workloads.corpora.utterance import read_audio

    device = torch.device(common.single_device(context))
    corpus = asr.corpus_of(context)
    lengths_ms = [round(1000 * u.duration_s) for u in corpus.validation]
    chosen = common.full_batches(lengths_ms, context.case.batch_size, CYCLE)
    transform = LogMelMfcc().to(device)

    def waveform(position: int) -> torch.Tensor:
        return torch.from_numpy(read_audio(corpus.validation[position])).to(device)

    turn = common.Turn([[waveform(i) for i in positions] for positions in chosen])
    return Operation(
        step=lambda: transform(turn.next()),
        cycle=len(chosen),
        work=common.work_per_step(common.durations_s(corpus.validation), chosen),
        accuracy=lambda: NO_ACCURACY,
        details=common.corpus_details(corpus),
    )


def build_input(context: Context) -> Operation:
    from itertools import chain, cycle, islice

    import torch

    from benchmarks import asr, common
    from workloads.asr.input_pipeline import stream
    from workloads.feeding.batching import padding_percent, plan_epoch

    device = torch.device(common.single_device(context))
    option = context.case.option
    readers, prefetch = int(option("readers")), int(option("prefetch"))
    mode = asr.feature_mode(option("features"))
    corpus, feed = asr.feed_of(context, mode, readers, prefetch)
    frames = feed.train.frames
    plan = plan_epoch(frames, context.case.batch_size, context.seed, epoch=2)
    count = max(STREAMED_BATCHES, STREAMED_DEPTHS * max(readers, prefetch))
    some = common.evenly(plan.batches, count)
    chosen = list(islice(cycle(some), count))  # again, where an epoch has fewer

    def step() -> None:
        for _ in stream(feed.train, feed, chosen, device):
            pass

    return Operation(
        step=step,
        work=common.work_per_step(
            common.durations_s(corpus.train), [list(chain.from_iterable(chosen))]
        ),
        accuracy=lambda: NO_ACCURACY,
        details=common.corpus_details(corpus)
        | {"padding_percent": padding_percent(frames, chosen)},
    )


def _feature_points(
    batch_sizes: tuple[int, ...], expected_s: float
) -> tuple[Point, ...]:
    return tuple(
        Point("logmel-mfcc", "fp32", "eager", batch_size, expected_s)
        for batch_size in batch_sizes
    )


def _input_point(
    features: str, readers: int, prefetch: int, expected_s: float
) -> Point:
    options = (
        ("features", features),
        ("readers", str(readers)),
        ("prefetch", str(prefetch)),
    )
    return Point("logmel-mfcc", "fp32", "eager", 32, expected_s, options)


FEATURES = Workload(
    name="asr-features",
    stage="infer",
    description="waveforms to log-mel and MFCC features",
    build=build_features,
    tells_errors=False,
    points={
        "smoke": _feature_points((1,), 6),
        "quick": _feature_points((1, 16), 6),
        "standard": _feature_points((1, 16, 64), 120),
        "paper": _feature_points((1, 16, 64), 400),
    },
)
INPUT = Workload(
    name="asr-input",
    stage="infer",
    description="batches ready for the model, over readers and prefetch",
    build=build_input,
    tells_errors=False,
    points={
        "smoke": (_input_point("shards", 1, 4, 6),),
        "quick": (
            _input_point("shards", 1, 4, 7),
            _input_point("on-the-fly", 1, 4, 7),
            _input_point("on-the-fly", 2, 4, 7),
        ),
        "standard": tuple(
            _input_point(features, readers, prefetch, 150)
            for features in ("shards", "on-the-fly")
            for readers in (1, 2, 4, 8)
            for prefetch in (4, 40)
        ),
        # The document's readers and prefetch depths.
        "paper": tuple(
            _input_point(features, readers, prefetch, 400)
            for features in ("shards", "on-the-fly")
            for readers in (1, 2, 4, 8, 16)
            for prefetch in (40, 100)
        ),
    },
)
WORKLOADS = (FEATURES, INPUT)


def test_input(planned: Planned, measure: Callable[[Planned], None]) -> None:
    measure(planned)
