"""Acoustic model inference: features in, log-probabilities out.

Timed: the forward pass of trained weights, batch after batch, each as long as speech
is. Batch size 1 is the latency of one utterance; larger ones are sorted by length, as a
transcription service would batch them; `instances` are so many workers at once, each on
cores of its own. Left out on purpose: features, copies to the
device and decoding, which have benchmarks of their own.
"""

from benchmarks.grid import grid, in_instances, runs
from harness.bridges import asv
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Workload

FP32, FLOATS = runs(eager=("fp32",)), runs(eager=("fp32", "bf16"))
SMALL, BATCHES = ("ds2-small",), (1, 4, 16, 64)
FULL = ("ds2-small", "ds2-paper")


def build(context: Context) -> Operation:
    from benchmarks.inference import inference
    from workloads.asr.task import ASR

    return inference(context, ASR)


def make(context: Context) -> None:
    from benchmarks import inference
    from workloads.asr.task import ASR

    inference.make(context, ASR)


QUICK = grid(SMALL, FLOATS, batch_sizes=(1, 16), expected_s=7)
WORKLOAD = Workload(
    name="asr-inference",
    stage="infer",
    description="acoustic model, features to log-probabilities",
    build=build,
    make=make,
    make_s=4,
    points={
        "smoke": grid(SMALL, FP32, batch_sizes=(4,), expected_s=8),
        "commit": grid(SMALL, FP32, batch_sizes=(16,), expected_s=6),
        "quick": QUICK,
        "standard": (
            *grid(FULL, FLOATS, batch_sizes=BATCHES, expected_s=180),
            *in_instances(grid(FULL, FP32, expected_s=90)),
        ),
        "paper": grid(("ds2-paper",), FLOATS, batch_sizes=BATCHES, expected_s=600),
    },
    beside=QUICK,
)
WORKLOADS = (WORKLOAD,)
Steady, Plain, Tracked = asv.classes(WORKLOAD, metrics=("wer", "cer"))


def test_inference(planned: Planned, measure: Measure) -> None:
    measure(planned)
