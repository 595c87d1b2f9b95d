"""One optimizer step: forward, loss, backward, clipping, update.

Timed: steps on batches that lie on the device, as long as speech is, one after the
other. This is the throughput of training without its input, evaluation and luck; it
runs the published size where a whole training would take days. Left out on purpose:
reading and copying batches. Batch sizes are the equal-batch study's and a GPU's shares.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.bridges import asv
from harness.plan import Planned
from harness.workload import Accuracy, Context, Operation, Point, Workload

BATCHES = 6  # evenly over the lengths of an epoch's batches
NO_ACCURACY = Accuracy({}, "steps from random weights: asr-training shows accuracy")


def build(context: Context) -> Operation:
    import torch

    from benchmarks import asr, common
    from workloads.asr.ds2 import parameter_count
    from workloads.asr.input_pipeline import load_batch
    from workloads.asr.macs import training_macs
    from workloads.asr.training_step import Learner
    from workloads.feeding.batching import padding_percent

    device = torch.device(common.single_device(context))
    corpus, feed = asr.feed_of(context)
    size, recipe = asr.size_of(context), asr.recipe_of(context)
    frames = feed.train.frames
    chosen = common.full_batches(frames, recipe.batch_size, BATCHES)
    torch.manual_seed(recipe.seed)
    learner = Learner(size, recipe, device)
    batches = [load_batch(feed.train, feed.normaliser, b).to(device) for b in chosen]
    turn = common.Turn(batches)

    def step() -> None:
        batch = turn.next()
        learner.update(batch, len(batch.positions))

    parameters = parameter_count(learner.model)
    used = [frames[i] for positions in chosen for i in positions]
    return Operation(
        step=step,
        cycle=len(chosen),
        work=common.work_per_step(
            common.durations_s(corpus.train),
            chosen,
            parameters,
            training_macs(size, used),
            4 * parameters,
        ),
        accuracy=lambda: NO_ACCURACY,
        details=common.corpus_details(corpus)
        | {"padding_percent": padding_percent(frames, chosen)},
        values=lambda: asr.step_values(context, batches[0]),
    )


def _points(
    model: str, batch_sizes: tuple[int, ...], expected_s: float
) -> tuple[Point, ...]:
    return tuple(
        Point(model, compression, "eager", batch_size, expected_s)
        for batch_size in batch_sizes
        for compression in ("fp32", "bf16")
    )


WORKLOAD = Workload(
    name="asr-step",
    stage="train",
    description="one optimizer step on batches that lie on the device",
    build=build,
    tells_errors=False,
    points={
        "smoke": (Point("ds2-small", "bf16", "eager", 4, 8),),
        "commit": (Point("ds2-small", "fp32", "eager", 32, 8),),
        "quick": _points("ds2-small", (32,), 8),
        "standard": (
            *_points("ds2-small", (8, 32, 96), 200),
            *_points("ds2-paper", (24, 96), 900),
        ),
        "paper": _points("ds2-paper", (24, 60, 96, 150), 3600),
    },
)
WORKLOADS = (WORKLOAD,)
Steady, Plain, Tracked = asv.classes(WORKLOAD)


def test_step(planned: Planned, measure: Callable[[Planned], None]) -> None:
    measure(planned)
