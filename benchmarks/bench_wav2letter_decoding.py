"""Wav2Letter decoding: log-probabilities in, text out, over beam widths.

Timed: one utterance after the other, from the log-probabilities of trained weights, on
one core. A beam of 1 is the best path; wider ones add up the paths that spell the same,
without a lexicon or a language model: by flashlight, which has no wheels from Python
3.13 on, or by fast-ctc-decode, which installs everywhere. That one takes probabilities:
the exponentials are timed with it. 20 is the paper's. Left out on purpose: the acoustic
model.
"""

from benchmarks import decoding as decoders
from benchmarks.decoding import beam_points
from harness.plan import Measure, Planned
from harness.workload import Context, Operation, Workload

RUNTIME = "onnxruntime"  # of the acoustic model
BEAMS = {"numpy": (1,), "flashlight": (20,), "fast-ctc-decode": (20,)}


def build(context: Context) -> Operation:
    from workloads.wav2letter.task import WAV2LETTER

    return decoders.decoding(context, WAV2LETTER, RUNTIME)


def make(context: Context) -> None:
    from workloads.wav2letter.task import WAV2LETTER

    decoders.make(context, WAV2LETTER, RUNTIME)


WORKLOAD = Workload(
    name="wav2letter-decoding",
    stage="infer",
    description="log-probabilities to letters, best path and beam search",
    build=build,
    make=make,
    make_s=1,
    points={
        "smoke": beam_points("wav2letter-small", {"fast-ctc-decode": (20,)}, 8),
        "quick": beam_points("wav2letter-small", BEAMS, 5),
        "standard": beam_points("wav2letter", BEAMS, 40),
        "paper": (
            *beam_points("wav2letter", BEAMS, 600),
            *beam_points("wav2letter-phonemes", BEAMS, 600),
        ),
    },
)
WORKLOADS = (WORKLOAD,)


def test_decoding(planned: Planned, measure: Measure) -> None:
    measure(planned)
