"""Decoding: log-probabilities in, words out, over beam widths.

Timed: one utterance after the other, from the log-probabilities of trained weights, on
one core (the beam search holds the interpreter's lock). A beam of 1 is the best path;
wider ones search a lexicon made of the training transcripts, without a language model.
Left out on purpose: the acoustic model. The beams are the document's, from its training
to its final tables.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.decoding import beam_points, check_decodes_here
from harness.bridges import asv
from harness.plan import Planned
from harness.workload import Context, Operation, UnsupportedError, Work, Workload

UTTERANCES = 16  # timed ones, evenly over the lengths of the validation set
QUICK_BEAMS = (1, 16, 64, 256)
PAPER_BEAMS = (1, 16, 64, 128, 256, 512, 1024, 2048, 4096)


def build(context: Context) -> Operation:
    from benchmarks import asr, common
    from workloads.asr.decoding import make_decoder, words_of
    from workloads.asr.evaluation import error_rates

    check_decodes_here(context)
    corpus, feed = asr.feed_of(context)
    trained = asr.trained_model(context, corpus)
    if trained.reason is not None:  # a search through noise takes another time
        raise UnsupportedError(trained.reason)
    beam = int(context.case.option("beam"))
    decoder = make_decoder(beam, words_of(u.transcript for u in corpus.train))
    outputs = asr.log_probs_by_length(trained, feed)  # one an utterance, shortest first
    frames = [int(output.lengths[0]) for output in outputs]
    chosen = [outputs[i] for (i,) in common.full_batches(frames, 1, UTTERANCES)]
    turn = common.Turn(chosen)

    def step() -> None:
        output = turn.next()
        decoder.decode(output.log_probs, output.lengths)

    def texts() -> list[str]:
        return [decoder.decode(o.log_probs, o.lengths)[0] for o in outputs]

    references = [output.utterance.transcript for output in outputs]
    return Operation(
        step=step,
        cycle=len(chosen),
        work=Work(1, sum(o.utterance.duration_s for o in chosen) / len(chosen)),
        accuracy=lambda: common.accuracy_of(error_rates(references, texts())),
        details=common.corpus_details(corpus, trained.sha256),
    )


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


def test_decoding(planned: Planned, measure: Callable[[Planned], None]) -> None:
    measure(planned)
