"""Decoding: log-probabilities in, words out, over beam widths.

Timed: one utterance after the other, from the log-probabilities of trained weights, on
one core (the beam search holds the interpreter's lock). A beam of 1 is the best path;
wider ones search a lexicon made of the training transcripts, without a language model.
Left out on purpose: the acoustic model. The beams are the paper's, from its training
to its final tables.
"""

from benchmarks.decoding import beam_points, decoding
from harness.bridges import asv
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Workload

QUICK_BEAMS = (1, 16, 64, 256)
PAPER_BEAMS = (1, 16, 64, 128, 256, 512, 1024, 2048, 4096)


def build(context: Context) -> Operation:
    from workloads.asr.task import ASR

    return decoding(context, ASR, runtime="eager", shortest_first=True)


WORKLOAD = Workload(
    name="asr-decoding",
    stage="infer",
    description="log-probabilities to words, over beam widths",
    build=build,
    points={
        "smoke": beam_points("ds2-small", "eager", (16,), 8),
        "commit": beam_points("ds2-small", "eager", (16,), 6),
        "quick": beam_points("ds2-small", "eager", QUICK_BEAMS, 7),
        "standard": beam_points("ds2-small", "eager", QUICK_BEAMS, 180),
        "paper": beam_points("ds2-paper", "eager", PAPER_BEAMS, 1800),
    },
)
WORKLOADS = (WORKLOAD,)
Steady, Plain, Tracked = asv.classes(WORKLOAD, metrics=("wer", "cer"))


def test_decoding(planned: Planned, measure: Measure) -> None:
    measure(planned)
