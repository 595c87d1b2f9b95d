"""Speech separation: a mixture in, a waveform of each speaker out, over compressions.

Timed: the forward pass of trained weights, batch after batch of utterances of four
seconds each, so that models compare, and across number of sources. Left out on purpose:
reading audio, copies to the device, scoring (the document's times held them). Pruned
channels are physically gone; other pruned weights are zeros among others, unless the
option `weights` says that products are sparse. Exporting, quantizing and calibrating
happen once, before, in processes of their own.

Small sizes have 8 kHz, full ones 16 kHz. `corpus=mandarin` judges on other speech.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.bridges import asv
from harness.plan import Planned
from harness.workload import Context, Operation, Point, Workload
from workloads.compression.names import STRUCTURED, UNSTRUCTURED

Run = tuple[str, str]  # runtime, compression

MODELS = ("lstm-tasnet", "conv-tasnet", "dptnet")
PRUNED = tuple(
    f"prune-{criterion}-{kind}-{percent}"
    for kind, criteria in (("structured", STRUCTURED), ("unstructured", UNSTRUCTURED))
    for criterion in criteria
    for percent in (10, 20, 30, 50, 70, 90)
)
FACTORIZED = tuple(
    f"{method}-{percent}"
    for method in ("cp", "tucker", "tsvd")
    for percent in (10, 20, 30)
)
SHRUNK = "prune-l1-structured-30"
COMBINED = ("tucker-30+int8-static", f"{SHRUNK}+int8-static")
# Every compression on every runtime that has it.
RUNS: tuple[Run, ...] = (
    *(("eager", c) for c in ("fp32", "bf16", "fp16", *PRUNED, *FACTORIZED)),
    *(("eager", c) for c in ("tucker-30+bf16", f"{SHRUNK}+bf16")),
    *(("onnxruntime", c) for c in ("fp32", "int8-dynamic", "int8-static", "int8-qat")),
    *(("onnxruntime", c) for c in ("tucker-30", SHRUNK, *COMBINED)),
    # Conv-TasNet's ranks of 71 become 64: whole vector registers.
    *((runtime, "tucker-37") for runtime in ("eager", "onnxruntime")),
    *(("openvino", c) for c in ("fp32", "bf16", "fp16", "int8-static", "int8-qat")),
    *(("openvino", c) for c in ("tucker-30", SHRUNK, *COMBINED, f"{SHRUNK}+bf16")),
    *(("compile", c) for c in ("fp32", "bf16", "int8-static")),
)
# What is to be faster, in batches too, and with more speakers.
FASTER: tuple[Run, ...] = tuple(
    ("eager", c) for c in ("fp32", "bf16", SHRUNK, "tucker-30")
)
SPARSE: tuple[Run, ...] = tuple(
    ("eager", f"prune-l1-unstructured-{percent}") for percent in (50, 70, 90)
)
CSR, TWO_OF_FOUR = (("weights", "csr"),), (("weights", "2of4"),)
MANDARIN = (("corpus", "mandarin"),)


def build(context: Context) -> Operation:
    from benchmarks import common, separation, sessions
    from benchmarks.own_tools import own_tool

    subject = separation.Subject(context)
    session = subject.running.session
    prepared = subject.prepare()
    turn, run = common.Turn(prepared), session.run

    def step() -> None:
        run(turn.next())

    profile = sessions.profile_of(session, prepared[0])
    return Operation(
        step=step,
        work=subject.work,
        accuracy=subject.accuracy,
        details=subject.details,
        profile=profile,
        float_layers=subject.running.float_layers,
        tool=lambda: own_tool(session, subject.inputs),
        values=lambda: subject.values(profile),
    )


def _points(
    model: str,
    runs: Iterable[Run],
    expected_s: float,
    batch_size: int = 1,
    options: tuple[tuple[str, str], ...] = (),
) -> tuple[Point, ...]:
    return tuple(
        Point(model, compression, runtime, batch_size, expected_s, options)
        for runtime, compression in runs
    )


QUICK = {
    "lstm-tasnet-small": (
        ("eager", "fp32"),
        ("eager", SHRUNK),
        ("eager", "tsvd-30"),
        ("onnxruntime", "int8-dynamic"),
    ),
    "conv-tasnet-small": (
        ("eager", "fp32"),
        ("eager", SHRUNK),
        ("eager", "prune-l1-unstructured-50"),
        ("eager", "tucker-30"),
        ("openvino", "fp32"),
        ("openvino", "int8-static"),
    ),
    "dptnet-small": (
        ("eager", "fp32"),
        ("eager", SHRUNK),
        ("eager", "cp-30"),
    ),
}


def _full(model: str, expected_s: float) -> tuple[Point, ...]:
    return (
        *_points(model, RUNS, expected_s),
        *_points(model, FASTER, expected_s, batch_size=8),
        *_points(model, SPARSE, expected_s, options=CSR),
        *_points(model, SPARSE[:1], expected_s, options=TWO_OF_FOUR),
        *_points(model, FASTER, expected_s, options=MANDARIN),
        *_points(f"{model}-8", FASTER, expected_s),
    )


QUICK_POINTS = tuple(
    point for model, runs in QUICK.items() for point in _points(model, runs, 7)
)
# What else is held beside the runtimes' own tools.
BESIDE = {
    "lstm-tasnet-small": (("onnxruntime", "fp32"), ("openvino", "fp32")),
    "conv-tasnet-small": (
        ("eager", "bf16"),
        ("openvino", "bf16"),
        *(("onnxruntime", c) for c in ("fp32", "int8-static")),
        ("compile", "fp32"),
    ),
    "dptnet-small": (("onnxruntime", "fp32"), ("openvino", "fp32")),
}

WORKLOAD = Workload(
    name="separation",
    stage="infer",
    description="speech separation, a mixture to a waveform of each speaker",
    build=build,
    points={
        "smoke": _points("conv-tasnet-small", (("eager", SHRUNK),), 8),
        "commit": _points("conv-tasnet-small", (("eager", "fp32"),), 6),
        "quick": QUICK_POINTS,
        "standard": tuple(point for model in MODELS for point in _full(model, 60)),
        "paper": tuple(point for model in MODELS for point in _full(model, 600)),
    },
    beside=(
        *QUICK_POINTS,
        *(point for model, runs in BESIDE.items() for point in _points(model, runs, 7)),
    ),
)
WORKLOADS = (WORKLOAD,)
Steady, Plain, Tracked = asv.classes(WORKLOAD, metrics=("inverse_si_sdr_improvement",))


def test_separation(planned: Planned, measure: Callable[[Planned], None]) -> None:
    measure(planned)
