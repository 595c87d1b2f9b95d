"""One optimizer step: forward, loss, backward, clipping, update.

Timed: steps on batches that lie on the device, as long as speech is, one after the
other. This is the throughput of training without its input, evaluation and luck; it
runs the published size where a whole training would take days. Left out on purpose:
reading and copying batches. Batch sizes are the equal-batch study's and a GPU's shares.
"""

from benchmarks.grid import grid, runs
from harness.bridges import asv
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Workload

FP32, BF16 = runs(eager=("fp32",)), runs(eager=("bf16",))
FLOATS = (*FP32, *BF16)
SMALL, PAPER = ("ds2-small",), ("ds2-paper",)


def build(context: Context) -> Operation:
    from benchmarks.training import training_step
    from workloads.asr.task import ASR

    return training_step(context, ASR)


def make(context: Context) -> None:
    from benchmarks import training
    from workloads.asr.task import ASR

    training.make_step(context, ASR)


WORKLOAD = Workload(
    name="asr-step",
    stage="train",
    description="one optimizer step on batches that lie on the device",
    build=build,
    make=make,
    make_s=2,
    tells_errors=False,
    points={
        "smoke": grid(SMALL, BF16, batch_sizes=(4,), expected_s=8),
        "commit": grid(SMALL, FP32, batch_sizes=(32,), expected_s=8),
        "quick": grid(SMALL, FLOATS, batch_sizes=(32,), expected_s=9),
        "standard": (
            *grid(SMALL, FLOATS, batch_sizes=(8, 32, 96), expected_s=200),
            *grid(PAPER, FLOATS, batch_sizes=(24, 96), expected_s=900),
        ),
        "paper": grid(PAPER, FLOATS, batch_sizes=(24, 60, 96, 150), expected_s=3600),
    },
)
WORKLOADS = (WORKLOAD,)
Steady, Plain, Tracked = asv.classes(WORKLOAD)


def test_step(planned: Planned, measure: Measure) -> None:
    measure(planned)
