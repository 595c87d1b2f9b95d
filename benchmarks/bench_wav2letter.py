"""Wav2Letter inference: features in, log-probabilities out, over compressions,
runtimes and instruction sets.

Timed: the forward pass of trained weights, batch after batch, each as long as speech
is. Batch size 1 is the latency of one utterance; larger ones hold utterances of like
length; with the option `frames`, all are of one length. Left out on purpose: features,
copies to the device, decoding. Exporting, quantizing and calibrating happen once,
before, in processes of their own. A training is clocked until it is so accurate.

Batches are the paper's. Its int8 is `int8-dynamic`, its semi-int8
`int8-dynamic-keep-first`. `arena` and `graph` are options of ONNX Runtime; `instances`
are so many workers at once, each on cores of its own.
"""

from functools import partial

from benchmarks.grid import grid, in_instances, runs
from harness.bridges import asv
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Point, Target, Training, Workload
from workloads.metrics.kinds import CER

PRUNED = "prune-l1-unstructured-50"
DYNAMIC = ("int8-dynamic", "int8-dynamic-keep-first", "int8-dynamic-keep-edges")
STATIC = ("int8-static", "int8-static-keep-first", "int8-static-keep-edges")
# Every compression on every runtime that has it.
RUNS = runs(
    onnxruntime=(
        *("fp32", *DYNAMIC, *STATIC, "int8-qat", "int16-weights", "w16a8"),
        *(PRUNED, f"{PRUNED}+int8-static"),
    ),
    openvino=("fp32", "bf16", "fp16", "int8-dynamic", *STATIC, "int8-qat"),
    eager=("fp32", "bf16", "fp16"),
    compile=("fp32", "bf16", "int8-static", "int8-static-keep-first"),
)
# What the paper's question turns on: is int8 faster, and where?
COMPARED = runs(
    onnxruntime=("fp32", "int8-dynamic", "int8-static"),
    openvino=("fp32", "int8-static"),
)
# At one length, as published elsewhere.
AT_ONE_LENGTH = (*COMPARED, *runs(openvino=("bf16",), eager=("fp32", "bf16")))
BATCHED = runs(onnxruntime=("fp32", "int8-static"))
# Several workers at once, in small and in full.
AT_ONCE = runs(onnxruntime=("int8-static",))
ALL_AT_ONCE = (*BATCHED, *runs(openvino=("fp32", "int8-static")))
SMALL = ("wav2letter-small",)
TARGETS = tuple(Target.of(CER, level) for level in (0.20, 0.15, 0.10))
SMOKE_TARGETS = (Target.of(CER, 0.99),)


def build(context: Context) -> Operation:
    from benchmarks.inference import inference
    from workloads.wav2letter.task import WAV2LETTER

    return inference(context, WAV2LETTER)


def make(context: Context) -> None:
    from benchmarks import inference
    from workloads.wav2letter.task import WAV2LETTER

    inference.make(context, WAV2LETTER)


def build_training(context: Context) -> Training:
    from benchmarks.training import training
    from workloads.wav2letter.task import WAV2LETTER

    targets = TARGETS if context.profile.name != "smoke" else SMOKE_TARGETS
    return training(context, WAV2LETTER, targets)


def make_training(context: Context) -> None:
    from benchmarks import training
    from workloads.wav2letter.task import WAV2LETTER

    training.make(context, WAV2LETTER)


def _full(model: str, expected_s: float) -> tuple[Point, ...]:
    points = partial(grid, [model], expected_s=expected_s)
    return (
        *points(RUNS),
        *points(COMPARED, batch_sizes=(2, 4, 8, 16, 32)),
        *points(AT_ONE_LENGTH, frames="1000"),
        *points(BATCHED, arena="off"),
        *points(BATCHED, graph="basic"),
        *points(BATCHED, graph="off"),
    )


_quick_points = partial(grid, SMALL, expected_s=5)
QUICK = (
    *_quick_points(runs(onnxruntime=("fp32", *DYNAMIC[:2], *STATIC[:2], "int8-qat"))),
    *_quick_points(runs(openvino=("fp32", "int8-static"), eager=("fp32",))),
    *_quick_points(BATCHED, batch_sizes=(8,)),
)
# What else is held beside the runtimes' own tools.
BESIDE = runs(
    openvino=("bf16", "int8-qat"),
    eager=("bf16",),
    compile=("fp32", "bf16", "int8-static"),
)
COMMIT = runs(onnxruntime=("int8-static",), openvino=("fp32",))
INFERENCE = Workload(
    name="wav2letter",
    stage="infer",
    description="quantized acoustic model, features to log-probabilities",
    build=build,
    make=make,
    make_s=5,
    points={
        "smoke": grid(SMALL, runs(openvino=("int8-static",)), expected_s=12),
        "commit": grid(SMALL, COMMIT, expected_s=6),
        "quick": (*QUICK, *in_instances(grid(SMALL, AT_ONCE, expected_s=8))),
        "standard": (
            *_full("wav2letter", 40),
            *in_instances(grid(["wav2letter"], ALL_AT_ONCE, expected_s=45)),
            *grid(["wav2letter-phonemes"], BATCHED, expected_s=40),
        ),
        "paper": (*_full("wav2letter", 600), *_full("wav2letter-phonemes", 600)),
    },
    beside=(
        *QUICK,
        *_quick_points(BESIDE),
        *_quick_points(AT_ONE_LENGTH, frames="1000"),
    ),
)
FP32, FLOATS = runs(eager=("fp32",)), runs(eager=("fp32", "bf16"))
TRAINING = Workload(
    name="wav2letter-training",
    stage="train",
    description="time to accuracy of a convolutional acoustic model",
    build=build_training,
    make=make_training,
    make_s=10,
    points={
        "smoke": grid(SMALL, FP32, batch_sizes=(8,), expected_s=20),
        "standard": grid(SMALL, FLOATS, batch_sizes=(8, 32), expected_s=1800),
        "paper": grid(
            ["wav2letter"], FLOATS, batch_sizes=(128,), expected_s=14 * 86400
        ),
    },
)
WORKLOADS = (INFERENCE, TRAINING)
Steady, Plain, Tracked = asv.classes(INFERENCE, metrics=("cer", "levenshtein"))


def test_wav2letter(planned: Planned, measure: Measure) -> None:
    measure(planned)
