"""From log-probabilities to text: best path, and beam search without a lexicon.

Axes: `U` output frames, `N` outputs. The beam search alone loads torch.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from workloads.wav2letter.symbols import BLANK, Alphabet


def make_decoder(alphabet: Alphabet, width: int) -> Callable[[np.ndarray], str]:
    """From one utterance's log-probabilities (U, N) to its text: best path for a width
    of 1, beam search for a wider one.

    The decoder raises ValueError for other shapes and for NaN.
    """
    if width == 1:
        return lambda log_probs: greedy(log_probs, alphabet)
    return beam_search(alphabet, width)


def greedy(log_probs: np.ndarray, alphabet: Alphabet) -> str:
    """The text of the most likely output of each frame."""
    _check(log_probs, alphabet)
    path = log_probs.argmax(axis=1)
    kept = path != BLANK
    kept[1:] &= path[1:] != path[:-1]
    return alphabet.decode(path[kept].tolist())


def beam_search(alphabet: Alphabet, width: int) -> Callable[[np.ndarray], str]:
    """CTC prefix beam search, without lexicon or language model.

    Flashlight's decoder through torchaudio, set to add up the probabilities of the
    paths that spell the same, as CTC defines them; its own default takes the best of
    them, which finds what the best path finds. Runs on one core. `width` prefixes are
    kept; the paper keeps 20.
    """
    if width < 1:
        raise ValueError(f"a beam of {width} keeps nothing: use 1 or more")
    search = _flashlight(alphabet.outputs, width)

    def decode(log_probs: np.ndarray) -> str:
        import torch

        _check(log_probs, alphabet)
        if len(log_probs) == 0:
            return ""
        emissions = np.ascontiguousarray(log_probs, dtype=np.float32)
        best = search(torch.from_numpy(emissions)[None])[0][0]
        return alphabet.decode(x for x in best.tokens.tolist() if x < alphabet.outputs)

    return decode


def _flashlight(outputs: int, width: int) -> Any:
    try:
        from torchaudio.models.decoder import ctc_decoder
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"the beam search needs flashlight ({error}): "
            "pip install flashlight-text, or decode greedily"
        ) from error
    # Flashlight puts a silence before and after every utterance. One of its own, which
    # no frame holds, can be told from a space or a SIL that was spoken.
    names = [str(output) for output in range(outputs)] + ["edge"]
    return ctc_decoder(
        lexicon=None,
        tokens=names,
        beam_size=width,
        blank_token=names[BLANK],
        sil_token="edge",
        unk_word="<unk>",
        log_add=True,
    )


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
