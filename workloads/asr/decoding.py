"""From log-probabilities to text: best path, and searches over a lexicon.

Axes: `B` utterances, `U` output frames, `N` = 30 outputs.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch

from workloads.asr.alphabet import ALPHABET, BLANK, OUTPUTS, SYMBOLS, separate_doubles
from workloads.asr.lexicon_graph import lexicon_graph
from workloads.recognition.searches import (
    FLASHLIGHT,
    KALDI_DECODER,
    check_beam,
    flashlight,
)

# Flashlight's files are separated by spaces, so they need other names for two outputs.
_BOUNDARY = "|"
_TOKENS = [_BOUNDARY if s == " " else s for s in SYMBOLS] + ["-"]
_BOUNDARY_OUTPUT = _TOKENS.index(_BOUNDARY)
_IMPOSSIBLE = -1e4
_BEAM_NATS = 50.0  # paths that are worse than the best by more are dropped


def best_path(log_probs: np.ndarray) -> str:
    """The text of the most likely output of each frame (U, N): a beam of 1, without a
    lexicon."""
    return ALPHABET.collapse(log_probs.argmax(axis=1).tolist())


def lexicon_of(words: Iterable[str]) -> list[str]:
    """Each word once, in order; ValueError for none."""
    found = sorted(set(words))
    if not found:
        raise ValueError("the lexicon is empty: give the words of the transcripts")
    return found


def ended(log_probs: np.ndarray) -> np.ndarray:
    """Log-probabilities (U, 30) in fp32 and one certain space (U + 1, 30): a word ends
    with the space after it, the last one too."""
    frames = np.full((len(log_probs) + 1, OUTPUTS), _IMPOSSIBLE, np.float32)
    frames[:-1] = log_probs
    frames[-1, _BOUNDARY_OUTPUT] = 0.0
    return frames


class LexiconGraphDecoder:
    """Kaldi's search of the best path through a lexicon's graph, without a language
    model; of its states at most `beam_width` go on from a frame to the next. Runs on
    one core.

    A text counts by its best path, not by all paths that spell it.
    """

    def __init__(self, words: Iterable[str], beam_width: int) -> None:
        import kaldi_decoder
        import kaldifst

        check_beam(beam_width, narrowest=2)  # Kaldi's own limit
        self._words = lexicon_of(words)
        self._sequence_of = kaldifst.get_linear_symbol_sequence
        self._frames_of = kaldi_decoder.DecodableCtc
        # The decoder keeps no more than a pointer to the graph.
        self._graph = lexicon_graph(
            list(map(ALPHABET.encode, self._words)), _BOUNDARY_OUTPUT, BLANK
        )
        options = kaldi_decoder.FasterDecoderOptions(
            beam=_BEAM_NATS, max_active=beam_width, min_active=0
        )
        self._search = kaldi_decoder.FasterDecoder(self._graph, options)

    def decode(self, log_probs: np.ndarray) -> str:
        """The text of one utterance's `log_probs` (U, 30)."""
        self._search.decode(self._frames_of(ended(log_probs)))
        found, path = self._search.get_best_path()
        if not found:
            return ""
        _, _, words, _ = self._sequence_of(path)
        return " ".join(self._words[number - 1] for number in words)


class LexiconBeamDecoder:
    """Flashlight's prefix beam search that can only write words of a lexicon, without a
    language model; `beam_width` prefixes are kept, and the paths that spell the same
    are added up. Runs on one core.
    """

    def __init__(self, words: Iterable[str], beam_width: int) -> None:
        check_beam(beam_width)
        lines = (
            f"{word} {' '.join(separate_doubles(word))} {_BOUNDARY}\n"
            for word in lexicon_of(words)
        )
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "lexicon.txt"
            path.write_text("".join(lines))
            self._search = flashlight(
                _TOKENS, beam_width, _TOKENS[BLANK], _BOUNDARY, path
            )

    def decode(self, log_probs: np.ndarray) -> str:
        """The text of one utterance's `log_probs` (U, 30)."""
        emissions = torch.from_numpy(ended(log_probs))[None]  # (1, U + 1, 30)
        hypotheses = self._search(emissions)[0]
        return " ".join(hypotheses[0].words) if hypotheses else ""


# By each search; the first installs everywhere.
LEXICON_DECODERS: Mapping[
    str, Callable[[Iterable[str], int], LexiconBeamDecoder | LexiconGraphDecoder]
] = {KALDI_DECODER.name: LexiconGraphDecoder, FLASHLIGHT.name: LexiconBeamDecoder}
