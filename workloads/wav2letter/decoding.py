"""From log-probabilities to text: best path, and beam search without a lexicon.

Axes: `U` output frames, `N` outputs. Flashlight's search alone loads torch.
"""

from collections.abc import Callable

import numpy as np

from workloads.recognition.data import Decode
from workloads.recognition.searches import (
    FAST_CTC_DECODE,
    FLASHLIGHT,
    check_beam,
    decoder_by,
    flashlight,
)
from workloads.wav2letter.symbols import BLANK, Alphabet

Labels = Callable[[np.ndarray], list[int]]  # the likeliest, of log-probabilities (U, N)


def make_decoder(alphabet: Alphabet, width: int, search: str) -> Decode:
    """From one utterance's log-probabilities (U, N) to its text: best path for a width
    of 1, for a wider one beam search by the library of that name.

    The decoder raises ValueError for other shapes and for NaN.
    """
    if width == 1:
        return lambda log_probs: greedy(log_probs, alphabet)
    return beam_search(alphabet, width, search)


def greedy(log_probs: np.ndarray, alphabet: Alphabet) -> str:
    """The text of the most likely output of each frame."""
    _check(log_probs, alphabet)
    path = log_probs.argmax(axis=1)
    kept = path != BLANK
    kept[1:] &= path[1:] != path[:-1]
    return alphabet.decode(path[kept].tolist())


def beam_search(alphabet: Alphabet, width: int, search: str) -> Decode:
    """CTC prefix beam search by the library of that name, without lexicon or language
    model: the probabilities of the paths that spell the same are added up. Runs on one
    core. `width` prefixes are kept; the paper keeps 20.
    """
    check_beam(width)
    labels_of = decoder_by(search, _SEARCHES)(alphabet.outputs, width)

    def decode(log_probs: np.ndarray) -> str:
        _check(log_probs, alphabet)
        if len(log_probs) == 0:
            return ""
        emissions = np.ascontiguousarray(log_probs, dtype=np.float32)
        return alphabet.decode(labels_of(emissions))

    return decode


def _flashlight(outputs: int, width: int) -> Labels:
    import torch

    # Flashlight puts a silence before and after every utterance. One of its own, which
    # no frame holds, can be told from a space or a SIL that was spoken.
    names = [str(output) for output in range(outputs)] + ["edge"]
    search = flashlight(names, width, blank=names[BLANK], boundary="edge")

    def labels(log_probs: np.ndarray) -> list[int]:
        best = search(torch.from_numpy(log_probs)[None])[0][0]
        return [label for label in best.tokens.tolist() if label < outputs]

    return labels


def _fast_ctc_decode(outputs: int, width: int) -> Labels:
    import fast_ctc_decode

    assert BLANK == 0  # fast-ctc-decode knows no other
    # It writes texts: a character for each output, that of its number.
    characters = [chr(output) for output in range(outputs)]

    def labels(log_probs: np.ndarray) -> list[int]:
        probabilities = np.exp(log_probs)
        found, _ = fast_ctc_decode.beam_search(
            probabilities, characters, beam_size=width
        )
        return list(map(ord, found))

    return labels


_SEARCHES = {FAST_CTC_DECODE.name: _fast_ctc_decode, FLASHLIGHT.name: _flashlight}


def _check(log_probs: np.ndarray, alphabet: Alphabet) -> None:
    if log_probs.ndim != 2 or log_probs.shape[1] != alphabet.outputs:
        raise ValueError(
            f"log-probabilities have shape {log_probs.shape}, expected (U, "
            f"{alphabet.outputs}) for the {alphabet.name}"
        )
    if np.isnan(log_probs).any():
        broken = int(np.isnan(log_probs).any(axis=1).argmax())
        raise ValueError(
            f"log-probabilities hold NaN, first in frame {broken}: the model's "
            "arithmetic overflowed"
        )
