"""Acoustic model inference: features in, log-probabilities out.

Timed: the forward pass of trained weights, batch after batch, each as long as speech
is. Batch size 1 is the latency of one utterance; larger ones are sorted by length, as a
transcription service would batch them. Left out on purpose: features, copies to the
device and decoding, which have benchmarks of their own.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.bridges import asv
from harness.plan import Planned
from harness.workload import Context, Operation, Point, Workload

BATCHES = 8  # at most, evenly over the lengths of the validation set
UTTERANCES = 700  # at most, at batch size 1; p99 takes 662 different ones
GATE = 0.01  # error rates may rise by one point against fp32


def build(context: Context) -> Operation:
    import torch

    from benchmarks import asr, common
    from benchmarks.own_tools import torch_timer
    from workloads.asr.input_pipeline import load_batch
    from workloads.asr.macs import forward_macs
    from workloads.feeding.batching import padding_percent

    device, dtype = torch.device(common.single_device(context)), asr.dtype_of(context)
    corpus, feed = asr.feed_of(context)
    trained = asr.trained_model(context, corpus)
    source = feed.validation
    frames = source.frames
    batch_size = context.case.batch_size
    count = UTTERANCES if batch_size == 1 else BATCHES
    chosen = common.full_batches(frames, batch_size, count)
    inputs = []
    for positions in chosen:
        batch = load_batch(source, trained.normaliser, positions).to(device)
        inputs.append((batch.features.to(dtype), batch.lengths))
    model = trained.model.to(device, dtype).eval()
    turn = common.Turn(inputs)

    @torch.inference_mode()
    def step() -> None:
        model(*turn.next())

    used = [frames[i] for positions in chosen for i in positions]
    parameters = sum(p.numel() for p in model.parameters())
    return Operation(
        step=step,
        cycle=len(inputs),
        work=common.work_per_step(
            common.durations_s(source.utterances),
            chosen,
            parameters,
            forward_macs(model.size, used),
            parameters * dtype.itemsize,
        ),
        accuracy=lambda: asr.model_accuracy(context, trained, feed, GATE),
        tool=lambda: torch_timer(model, inputs),
        details=common.corpus_details(corpus, trained.sha256)
        | {"padding_percent": padding_percent(frames, chosen)},
        values=lambda: asr.forward_values(context, trained, inputs),
    )


QUICK_POINTS = tuple(
    Point("ds2-small", compression, "eager", batch_size, 7)
    for compression in ("fp32", "bf16")
    for batch_size in (1, 16)
)

WORKLOAD = Workload(
    name="asr-inference",
    stage="infer",
    description="acoustic model, features to log-probabilities",
    build=build,
    points={
        "smoke": (Point("ds2-small", "fp32", "eager", 4, 8),),
        "commit": (Point("ds2-small", "fp32", "eager", 16, 6),),
        "quick": QUICK_POINTS,
        "standard": tuple(
            Point(model, compression, "eager", batch_size, 180)
            for model in ("ds2-small", "ds2-paper")
            for compression in ("fp32", "bf16")
            for batch_size in (1, 4, 16, 64)
        ),
        "paper": tuple(
            Point("ds2-paper", compression, "eager", batch_size, 600)
            for compression in ("fp32", "bf16")
            for batch_size in (1, 4, 16, 64)
        ),
    },
    beside=QUICK_POINTS,
)
WORKLOADS = (WORKLOAD,)
Steady, Plain, Tracked = asv.classes(WORKLOAD, metrics=("wer", "cer"))


def test_inference(planned: Planned, measure: Callable[[Planned], None]) -> None:
    measure(planned)
