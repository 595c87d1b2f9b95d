"""Speech separation: a mixture in, a waveform of each speaker out, over compressions.

Timed: the forward pass of trained weights, batch after batch of utterances of four
seconds each, so that models compare, and across number of sources. Left out on purpose:
reading audio, copies to the device, scoring (the paper's times held them). Pruned
channels are physically gone; other pruned weights are zeros among others, unless the
option `weights` says that products are sparse. Exporting, quantizing and calibrating
happen once, before, in processes of their own. A training is clocked until its
validation mixtures are separated so well.

Small sizes have 8 kHz, full ones 16 kHz. `corpus=mandarin` judges on other speech;
`instances` are so many workers at once, each on cores of its own.
"""

from functools import partial

from benchmarks.grid import grid, in_instances, runs
from harness.bridges import asv
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Point, Target, Training, Workload
from workloads.compression.pruning.criteria import STRUCTURED, UNSTRUCTURED
from workloads.metrics.kinds import SI_SDR_IMPROVEMENT

MODELS = ("lstm-tasnet", "conv-tasnet", "dptnet")
PRUNED = tuple(
    f"prune-{criterion}-{kind}-{percent}"
    for kind, criteria in (("structured", STRUCTURED), ("unstructured", UNSTRUCTURED))
    for criterion in criteria
    for percent in (10, 20, 30, 50, 70, 90)
)
SHRUNK = "prune-l1-structured-30"
COMBINED = ("tucker-30+int8-static", f"{SHRUNK}+int8-static")
# What can be: Conv-TasNet has no linear layer, and torch.export fixes the length of an
# LSTM's sequences.
FACTORIZED = {
    "lstm-tasnet": ("cp", "tucker", "tsvd"),
    "conv-tasnet": ("cp", "tucker"),
    "dptnet": ("cp", "tucker", "tsvd"),
}
COMPILED_INT8 = {"lstm-tasnet": (), "conv-tasnet": ("int8-static",), "dptnet": ()}
# What is to be faster, in batches too, and with more speakers.
FASTER = runs(eager=("fp32", "bf16", SHRUNK, "tucker-30"))
SPARSE = runs(eager=[f"prune-l1-unstructured-{percent}" for percent in (50, 70, 90)])
TARGETS = tuple(Target.of(SI_SDR_IMPROVEMENT, level) for level in (2.0, 4.0, 6.0))
SMOKE_TARGETS = (Target.of(SI_SDR_IMPROVEMENT, -30.0),)


def build(context: Context) -> Operation:
    from benchmarks.inference import inference
    from workloads.separation.task import SEPARATION

    return inference(context, SEPARATION)


def make(context: Context) -> None:
    from benchmarks import inference
    from workloads.separation.task import SEPARATION

    inference.make(context, SEPARATION)


def build_training(context: Context) -> Training:
    from benchmarks.training import training
    from workloads.separation.task import SEPARATION

    targets = TARGETS if context.profile.name != "smoke" else SMOKE_TARGETS
    return training(context, SEPARATION, targets)


def make_training(context: Context) -> None:
    from benchmarks import training
    from workloads.separation.task import SEPARATION

    training.make(context, SEPARATION)


def _full(model: str, expected_s: float) -> tuple[Point, ...]:
    factorized = [f"{way}-{n}" for way in FACTORIZED[model] for n in (10, 20, 30)]
    chosen = runs(
        eager=(
            *("fp32", "bf16", "fp16", *PRUNED, *factorized),
            *("tucker-30+bf16", f"{SHRUNK}+bf16"),
            "tucker-37",  # Conv-TasNet's ranks of 71 become 64: whole vector registers
        ),
        onnxruntime=(
            *("fp32", "int8-dynamic", "int8-static", "int8-qat"),
            *("tucker-30", SHRUNK, *COMBINED, "tucker-37"),
        ),
        openvino=(
            *("fp32", "bf16", "fp16", "int8-static", "int8-qat"),
            *("tucker-30", SHRUNK, *COMBINED, f"{SHRUNK}+bf16"),
        ),
        compile=("fp32", "bf16", *COMPILED_INT8[model]),
    )
    points = partial(grid, expected_s=expected_s)
    return (
        *points([model], chosen),
        *points([model], FASTER, batch_sizes=(8,)),
        *points([model], SPARSE, weights="csr"),
        *points([model], SPARSE[:1], weights="2of4"),
        *points([model], FASTER, corpus="mandarin"),
        *points([f"{model}-8"], FASTER),
    )


LSTM, CONV, DPT = ("lstm-tasnet-small",), ("conv-tasnet-small",), ("dptnet-small",)
_quick_points = partial(grid, expected_s=9)
QUICK = (
    *_quick_points(LSTM, runs(eager=("fp32", SHRUNK, "tsvd-30"))),
    *_quick_points(LSTM, runs(onnxruntime=("int8-dynamic",))),
    *_quick_points(
        CONV, runs(eager=("fp32", SHRUNK, "prune-l1-unstructured-50", "tucker-30"))
    ),
    *_quick_points(CONV, runs(openvino=("fp32", "int8-static"))),
    *_quick_points(DPT, runs(eager=("fp32", SHRUNK, "cp-30"))),
)
BESIDE = (  # what else is held beside the runtimes' own tools
    *_quick_points(LSTM + DPT, runs(onnxruntime=("fp32",), openvino=("fp32",))),
    *_quick_points(CONV, runs(eager=("bf16",), openvino=("bf16",))),
    *_quick_points(CONV, runs(onnxruntime=("fp32", "int8-static"), compile=("fp32",))),
)
FP32, FLOATS = runs(eager=("fp32",)), runs(eager=("fp32", "bf16"))
AT_ONCE = runs(eager=("fp32",), openvino=("fp32",))  # several workers
INFERENCE = Workload(
    name="separation",
    stage="infer",
    description="speech separation, a mixture to a waveform of each speaker",
    build=build,
    make=make,
    make_s=6,
    points={
        "smoke": grid(CONV, runs(eager=(SHRUNK,)), expected_s=8),
        "commit": grid(CONV, FP32, expected_s=6),
        "quick": QUICK,
        "standard": (
            *(one for model in MODELS for one in _full(model, 60)),
            *in_instances(grid(MODELS, AT_ONCE, expected_s=60)),
        ),
        "paper": tuple(one for model in MODELS for one in _full(model, 600)),
    },
    beside=(*QUICK, *BESIDE),
)
TRAINING = Workload(
    name="separation-training",
    stage="train",
    description="time to accuracy of a separator",
    build=build_training,
    make=make_training,
    make_s=10,
    points={
        "smoke": grid(CONV, FP32, batch_sizes=(4,), expected_s=20),
        "standard": grid(LSTM + CONV + DPT, FLOATS, batch_sizes=(4,), expected_s=1800),
        "paper": grid(MODELS, FLOATS, batch_sizes=(4,), expected_s=14 * 86400),
    },
)
WORKLOADS = (INFERENCE, TRAINING)
Steady, Plain, Tracked = asv.classes(INFERENCE, metrics=("inverse_si_sdr_improvement",))


def test_separation(planned: Planned, measure: Measure) -> None:
    measure(planned)
