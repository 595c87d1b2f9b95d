"""Time to accuracy of speech recognition training, from the model's creation.

Timed: whole epochs with their evaluation, decoding samples and checkpoints, until the
last target is reached or the profile's budget is spent: in `quick`, on the built-in
speech, a number of epochs, so that a slow machine reaches what a fast one does. Left
out on purpose: making the corpus and its features, whose time the record gives as
`prepare_s`.

The sizes: `ds2-small` has 0.8 M parameters, so that 30 minutes of built-in speech reach
a first target within five epochs at every batch size of `quick`; `ds2-paper` is the
published size, for LibriSpeech. Batch sizes in `paper` are the paper's, per machine.
"""

from benchmarks.grid import grid, runs
from benchmarks.published import ASR_TRAINING, LIBRISPEECH_TARGETS
from harness.plan import Measure, Planned
from harness.workload import Context, Target, Training, Workload
from workloads.metrics.kinds import CER, WER

# The first of a metric is within reach of QUICK_EPOCHS at every batch size, the second
# of some; the last three, as many as for LibriSpeech, are for longer profiles.
BUILTIN_TARGETS = (
    *(Target.of(CER, level) for level in (0.60, 0.30, 0.15, 0.12, 0.10)),
    *(Target.of(WER, level) for level in (0.90, 0.60, 0.30, 0.24, 0.20)),
)
QUICK_EPOCHS = 5  # one more than the first levels take at the largest batch size
SMOKE_TARGETS = (Target.of(CER, 0.95),)
FP32, BF16, FP16 = (runs(eager=(name,)) for name in ("fp32", "bf16", "fp16"))
SMALL, PAPER = ("ds2-small",), ("ds2-paper",)


def build(context: Context) -> Training:
    from benchmarks.training import training
    from workloads.asr.task import ASR

    if context.profile.name == "smoke":
        return training(context, ASR, SMOKE_TARGETS)
    if context.data_root is not None:
        return training(context, ASR, LIBRISPEECH_TARGETS)
    epochs = QUICK_EPOCHS if context.profile.name == "quick" else None
    return training(context, ASR, BUILTIN_TARGETS, epochs)


def make(context: Context) -> None:
    from benchmarks import training
    from workloads.asr.task import ASR

    training.make(context, ASR)


WORKLOAD = Workload(
    name="asr-training",
    stage="train",
    description="time to accuracy of an acoustic model",
    build=build,
    make=make,
    make_s=2,
    published=ASR_TRAINING,
    points={
        "smoke": grid(SMALL, FP32, batch_sizes=(8,), expected_s=15),
        "quick": (
            *grid(SMALL, FP32, batch_sizes=(4,), expected_s=33),
            *grid(SMALL, FP32, batch_sizes=(16, 32), expected_s=28),
            *grid(SMALL, BF16, batch_sizes=(32,), expected_s=20),
        ),
        "standard": grid(
            SMALL, (*FP32, *BF16), batch_sizes=(16, 32, 64, 128), expected_s=1800
        ),
        # 240 and 300 beside the equal-batch study's 96: one per price class.
        "paper": grid(
            PAPER,
            (*FP32, *BF16, *FP16),
            batch_sizes=(96, 240, 300),
            expected_s=14 * 86400,
        ),
    },
)
WORKLOADS = (WORKLOAD,)


def test_training(planned: Planned, measure: Measure) -> None:
    measure(planned)
