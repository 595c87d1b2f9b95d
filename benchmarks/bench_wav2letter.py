"""Wav2Letter inference: features in, log-probabilities out, over compressions,
runtimes and instruction sets.

Timed: the forward pass of trained weights, batch after batch, each as long as speech
is. Batch size 1 is the latency of one utterance; larger ones hold utterances of like
length; with the option `frames`, all are of one length. Left out on purpose: features,
copies to the device, decoding. Exporting, quantizing and calibrating happen once,
before, in processes of their own.

Batches are the document's. Its int8 is `int8-dynamic`, its semi-int8
`int8-dynamic-keep-first`. `arena` and `graph` are options of ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.bridges import asv
from harness.plan import Planned
from harness.workload import Context, Operation, Point, Workload

BATCHES = 8  # at most, evenly over the lengths of the validation set
UTTERANCES = 64  # different ones at batch size 1: as many as p90 takes

PRUNED = "prune-l1-unstructured-50"
DYNAMIC = ("int8-dynamic", "int8-dynamic-keep-first", "int8-dynamic-keep-edges")
STATIC = ("int8-static", "int8-static-keep-first", "int8-static-keep-edges")
# Every compression on every runtime that has it.
RUNS = (
    *(("onnxruntime", c) for c in ("fp32", *DYNAMIC, *STATIC, "int8-qat")),
    *(("onnxruntime", c) for c in ("int16-weights", "w16a8")),
    *(("onnxruntime", c) for c in (PRUNED, f"{PRUNED}+int8-static")),
    *(("openvino", c) for c in ("fp32", "bf16", "fp16", "int8-dynamic", *STATIC)),
    ("openvino", "int8-qat"),
    *(("eager", c) for c in ("fp32", "bf16", "fp16")),
    *(
        ("compile", c)
        for c in ("fp32", "bf16", "int8-static", "int8-static-keep-first")
    ),
)
# What the document's question turns on: is int8 faster, and where?
COMPARED = (
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8-dynamic"),
    ("onnxruntime", "int8-static"),
    ("openvino", "fp32"),
    ("openvino", "int8-static"),
)
# At one length, as published elsewhere.
AT_ONE_LENGTH = (*COMPARED, ("openvino", "bf16"), ("eager", "fp32"), ("eager", "bf16"))
FRAMES = (("frames", "1000"),)
OPTIONS = ((("arena", "off"),), (("graph", "basic"),), (("graph", "off"),))


def build(context: Context) -> Operation:
    from benchmarks import common, sessions, wav2letter
    from benchmarks.own_tools import own_tool

    subject = wav2letter.Subject(context)
    running = subject.running
    inputs = subject.inputs(UTTERANCES, BATCHES)
    prepared = subject.prepare(inputs)
    turn, run = common.Turn(prepared), running.session.run

    def step() -> None:
        run(turn.next())

    profile = sessions.profile_of(running.session, prepared[0])
    return Operation(
        step=step,
        cycle=len(prepared),
        work=wav2letter.work_of(inputs, subject.size, running.model_bytes),
        accuracy=subject.accuracy,
        details=subject.details
        | {"padding_percent": wav2letter.padding_percent(inputs)},
        profile=profile,
        float_layers=running.float_layers,
        tool=lambda: own_tool(running.session, [one.features for one in inputs]),
        values=lambda: subject.values(inputs, profile),
    )


def _points(
    model: str,
    runs: tuple[tuple[str, str], ...],
    batches: tuple[int, ...],
    expected_s: float,
    options: tuple[tuple[str, str], ...] = (),
) -> tuple[Point, ...]:
    return tuple(
        Point(model, compression, runtime, batch_size, expected_s, options)
        for runtime, compression in runs
        for batch_size in batches
    )


QUICK = (
    *(("onnxruntime", c) for c in ("fp32", *DYNAMIC[:2], *STATIC[:2], "int8-qat")),
    *(("openvino", c) for c in ("fp32", "int8-static")),
    ("eager", "fp32"),
)
COMMIT = (("onnxruntime", "int8-static"), ("openvino", "fp32"))
BATCHED = (("onnxruntime", "fp32"), ("onnxruntime", "int8-static"))


def _full(model: str, expected_s: float) -> tuple[Point, ...]:
    return (
        *_points(model, RUNS, (1,), expected_s),
        *_points(model, COMPARED, (2, 4, 8, 16, 32), expected_s),
        *_points(model, AT_ONE_LENGTH, (1,), expected_s, FRAMES),
        *(
            point
            for options in OPTIONS
            for point in _points(model, BATCHED, (1,), expected_s, options)
        ),
    )


QUICK_POINTS = (
    *_points("wav2letter-small", QUICK, (1,), 5),
    *_points("wav2letter-small", BATCHED, (8,), 5),
)
# What else is held beside the runtimes' own tools.
BESIDE = (
    *(("openvino", c) for c in ("bf16", "int8-qat")),
    ("eager", "bf16"),
    *(("compile", c) for c in ("fp32", "bf16", "int8-static")),
)

WORKLOAD = Workload(
    name="wav2letter",
    stage="infer",
    description="quantized acoustic model, features to log-probabilities",
    build=build,
    points={
        "smoke": _points("wav2letter-small", (("openvino", "int8-static"),), (1,), 12),
        "commit": _points("wav2letter-small", COMMIT, (1,), 6),
        "quick": QUICK_POINTS,
        "standard": (
            *_full("wav2letter", 40),
            *_points("wav2letter-phonemes", BATCHED, (1,), 40),
        ),
        "paper": (
            *_full("wav2letter", 600),
            *_full("wav2letter-phonemes", 600),
        ),
    },
    beside=(
        *QUICK_POINTS,
        *_points("wav2letter-small", BESIDE, (1,), 5),
        *_points("wav2letter-small", AT_ONE_LENGTH, (1,), 5, FRAMES),
    ),
)
WORKLOADS = (WORKLOAD,)
Steady, Plain, Tracked = asv.classes(WORKLOAD, metrics=("cer", "levenshtein"))


def test_wav2letter(planned: Planned, measure: Callable[[Planned], None]) -> None:
    measure(planned)
