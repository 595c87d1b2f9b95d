"""Detection of spoofed speech: a front-end and a back-end, over compressions.

`spoof` times the forward pass of trained weights on utterances of four seconds;
`spoof-frontend` the front-end alone, forward, and with `backward=yes` the gradients of
what is learned too; `spoof-training` is clocked until evaluation, whose attacks and
speakers training never has, is told apart so well. Left out on purpose: reading audio,
copies to the device, scoring.

Small back-ends separate the front-ends in minutes; full ones are the paper's.
"""

from benchmarks.grid import grid, in_instances, runs
from harness.bridges import asv
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Target, Training, Workload
from workloads.metrics.kinds import EER
from workloads.spoof.sizes import FRONTENDS

BACKENDS = ("x-vector", "ecapa-tdnn")
SHRUNK = "prune-l1-structured-30"
TARGETS = tuple(Target.of(EER, level) for level in (0.20, 0.15, 0.10))
QUICK_EPOCHS = 3  # so many as the median of a level takes
SMOKE_TARGETS = (Target.of(EER, 0.99),)


def build(context: Context) -> Operation:
    from benchmarks.inference import inference
    from workloads.spoof.task import SPOOF

    return inference(context, SPOOF)


def make(context: Context) -> None:
    from benchmarks import inference
    from workloads.spoof.task import SPOOF

    inference.make(context, SPOOF)


def build_training(context: Context) -> Training:
    from benchmarks.training import training
    from workloads.spoof.task import SPOOF

    if context.profile.name == "smoke":
        return training(context, SPOOF, SMOKE_TARGETS)
    epochs = QUICK_EPOCHS if context.profile.name == "quick" else None
    return training(context, SPOOF, TARGETS, epochs)


def make_training(context: Context) -> None:
    from benchmarks import training
    from workloads.spoof.task import SPOOF

    training.make(context, SPOOF)


def build_frontend(context: Context) -> Operation:
    from benchmarks.frontends import frontend_alone

    return frontend_alone(context)


def make_frontend(context: Context) -> None:
    from benchmarks.frontends import data_of_frontend

    data_of_frontend(context)


FULL = tuple(f"{frontend}+{backend}" for frontend in FRONTENDS for backend in BACKENDS)
SMALL = ("fbank+ecapa-small", "fastaudio-tri+ecapa-small", "leaf+ecapa-small")
QUICKEST = ("fbank+x-vector-small",)
FP32 = runs(eager=("fp32",))
RUNS = runs(
    eager=("fp32", "bf16", SHRUNK),
    compile=("fp32",),
    onnxruntime=("fp32", "int8-static"),
    openvino=("fp32", "int8-static"),
)
# On one runtime, so that what int8 gains is not what another runtime does.
ROUNDED = runs(openvino=("fp32", "int8-static"))
AT_ONCE = runs(eager=("fp32",), openvino=("fp32",))
LEARNED = tuple(name for name in FRONTENDS if name not in ("cqt", "fbank"))
SLOW = ("leaf", "td-filterbanks", "sincnet")  # of which the plain form is timed beside
ALONE = (
    *grid(FRONTENDS, FP32, batch_sizes=(1, 16), expected_s=15),
    *grid(LEARNED, FP32, batch_sizes=(1, 16), expected_s=15, backward="yes"),
    *grid(SLOW, FP32, batch_sizes=(1, 16), expected_s=15, form="products"),
)
INFERENCE = Workload(
    name="spoof",
    stage="infer",
    description="detection of spoofed speech, an utterance to how bona fide it seems",
    build=build,
    make=make,
    make_s=6,
    points={
        "smoke": grid(SMALL[:1], FP32, expected_s=6),
        "commit": grid(SMALL[:1], FP32, expected_s=5),
        "quick": grid(SMALL[:1], ROUNDED, expected_s=12),
        "standard": (
            *grid(SMALL, RUNS, expected_s=30),
            *grid(FULL, RUNS, batch_sizes=(1, 16), expected_s=30),
            *in_instances(grid(FULL[:2], AT_ONCE, expected_s=30)),
        ),
        "paper": (
            *grid(FULL, RUNS, batch_sizes=(1, 16), expected_s=120),
            *grid(FULL, FP32, expected_s=120, part="dev"),
        ),
    },
    beside=grid(SMALL[:1], RUNS, expected_s=4),
)
FRONTEND = Workload(
    name="spoof-frontend",
    stage="infer",
    description="a front-end alone, waveforms to 40 numbers every 10 ms",
    build=build_frontend,
    make=make_frontend,
    make_s=2,
    tells_errors=False,
    points={
        "smoke": grid(("fbank",), FP32, expected_s=4),
        "quick": grid(("fbank", "leaf"), FP32, expected_s=6),
        "standard": ALONE,
        "paper": ALONE,
    },
)
TRAINING = Workload(
    name="spoof-training",
    stage="train",
    description="time to accuracy of a detector of spoofed speech",
    build=build_training,
    make=make_training,
    make_s=10,
    points={
        "smoke": grid(QUICKEST, FP32, batch_sizes=(16,), expected_s=10),
        "quick": grid(QUICKEST, FP32, batch_sizes=(16,), expected_s=18),
        "standard": grid(
            [f"{name}+ecapa-small" for name in FRONTENDS],
            FP32,
            batch_sizes=(16,),
            expected_s=300,
        ),
        "paper": grid(FULL, FP32, batch_sizes=(12,), expected_s=14 * 86400),
    },
)
WORKLOADS = (INFERENCE, FRONTEND, TRAINING)
Steady, Plain, Tracked = asv.classes(INFERENCE, metrics=("eer",))


def test_spoof(planned: Planned, measure: Measure) -> None:
    measure(planned)
