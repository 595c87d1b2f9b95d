"""Wav2Letter decoding: log-probabilities in, text out, over beam widths.

Timed: one utterance after the other, from the log-probabilities of trained weights, on
one core. A beam of 1 is the best path; wider ones add up the paths that spell the same,
without a lexicon or a language model. 20 is the paper's. Left out on purpose: the
acoustic model.
"""

from benchmarks.decoding import beam_points, decoding
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Workload

BEAMS = (1, 20)


def build(context: Context) -> Operation:
    from workloads.wav2letter.task import WAV2LETTER

    return decoding(context, WAV2LETTER, runtime="onnxruntime")


WORKLOAD = Workload(
    name="wav2letter-decoding",
    stage="infer",
    description="log-probabilities to letters, best path and beam search",
    build=build,
    points={
        "smoke": beam_points("wav2letter-small", "numpy", BEAMS[1:], 8),
        "quick": beam_points("wav2letter-small", "numpy", BEAMS, 5),
        "standard": beam_points("wav2letter", "numpy", BEAMS, 40),
        "paper": (
            *beam_points("wav2letter", "numpy", BEAMS, 600),
            *beam_points("wav2letter-phonemes", "numpy", BEAMS, 600),
        ),
    },
)
WORKLOADS = (WORKLOAD,)


def test_decoding(planned: Planned, measure: Measure) -> None:
    measure(planned)
