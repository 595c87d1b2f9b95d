"""Wav2Letter decoding: log-probabilities in, text out, over beam widths.

Timed: one utterance after the other, from the log-probabilities of trained weights, on
one core. A beam of 1 is the best path; wider ones add up the paths that spell the same,
without a lexicon or a language model. 20 is the document's. Left out on purpose: the
acoustic model.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.decoding import beam_points, check_decodes_here
from harness.plan import Planned
from harness.workload import Context, Operation, UnsupportedError, Work, Workload

UTTERANCES = 16  # timed ones, evenly over the lengths of the validation set
BEAMS = (1, 20)


def build(context: Context) -> Operation:
    from benchmarks import common, wav2letter
    from workloads.wav2letter.decoding import make_decoder

    check_decodes_here(context)
    subject = wav2letter.Subject(context, runtime="onnxruntime")
    if subject.weights.reason is not None:  # a search through noise takes another time
        raise UnsupportedError(subject.weights.reason)
    part = subject.data.validation
    heard = subject.log_probs(subject.running, subject.weights)
    decode = make_decoder(part.alphabet, int(context.case.option("beam")))
    chosen = common.full_batches(list(map(len, heard)), 1, UTTERANCES)
    turn = common.Turn([heard[i] for (i,) in chosen])

    def step() -> None:
        decode(turn.next())

    return Operation(
        step=step,
        cycle=len(chosen),
        work=Work(1, sum(part.durations_s[i] for (i,) in chosen) / len(chosen)),
        accuracy=lambda: wav2letter.judged(part, [*map(decode, heard)]),
        details=subject.details,
    )


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


def test_decoding(planned: Planned, measure: Callable[[Planned], None]) -> None:
    measure(planned)
