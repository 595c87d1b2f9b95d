"""Decoding: log-probabilities in, words out, over beam widths.

Timed: one utterance after the other, from the log-probabilities of trained weights, on
one core. A beam of 1 is the best path; wider ones search a lexicon made of the training
transcripts, without a language model. Flashlight keeps as many prefixes as the beam and
adds up the paths of each; Kaldi keeps as many states of the lexicon's graph and takes
the best path: beams of both compare by their errors, not by their width. Flashlight has
no wheels from Python 3.13 on; Kaldi's search installs everywhere, and is that of
evaluations in a training. Left out on purpose: the acoustic model. The beams are the
paper's, from its training to its final tables.
"""

from benchmarks import decoding as decoders
from benchmarks.decoding import beam_points
from harness.bridges import asv
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Workload

RUNTIME = "eager"  # of the acoustic model
QUICK = {"eager": (1,), "flashlight": (16, 64, 256), "kaldi-decoder": (64,)}
STANDARD = {**QUICK, "kaldi-decoder": (16, 64, 256)}
WIDE = (16, 64, 128, 256, 512, 1024, 2048, 4096)
PAPER = {"eager": (1,), "flashlight": WIDE, "kaldi-decoder": WIDE}


def build(context: Context) -> Operation:
    from workloads.asr.task import ASR

    return decoders.decoding(context, ASR, RUNTIME, shortest_first=True)


def make(context: Context) -> None:
    from workloads.asr.task import ASR

    decoders.make(context, ASR, RUNTIME)


WORKLOAD = Workload(
    name="asr-decoding",
    stage="infer",
    description="log-probabilities to words, over beam widths",
    build=build,
    make=make,
    make_s=6,
    points={
        "smoke": beam_points("ds2-small", {"kaldi-decoder": (16,)}, 8),
        "commit": beam_points("ds2-small", {"flashlight": (16,)}, 6),
        "quick": beam_points("ds2-small", QUICK, 6),
        "standard": beam_points("ds2-small", STANDARD, 180),
        "paper": beam_points("ds2-paper", PAPER, 1800),
    },
)
WORKLOADS = (WORKLOAD,)
Steady, Plain, Tracked = asv.classes(WORKLOAD, metrics=("wer", "cer"))


def test_decoding(planned: Planned, measure: Measure) -> None:
    measure(planned)
