"""From log-probabilities to text: best path, and beam search without a lexicon.

Axes: `B` utterances, `U` output frames, `N` outputs. torch is imported by the beam
search alone.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workloads.wav2letter.symbols import BLANK, Alphabet

DOCUMENT_BEAM_WIDTH = 20


def greedy(
    log_probs: np.ndarray, lengths: Sequence[int], alphabet: Alphabet
) -> list[str]:
    """The text of the most likely output of each frame.

    `log_probs` (B, U, N), true `lengths` (B,); B texts. Raises ValueError for other
    shapes and for NaN.
    """
    _check(log_probs, lengths, alphabet)
    path = log_probs.argmax(axis=2)  # (B, U)
    starts = np.ones_like(path, dtype=bool)
    starts[:, 1:] = path[:, 1:] != path[:, :-1]
    spoken = np.arange(path.shape[1]) < np.asarray(lengths)[:, None]
    kept = starts & spoken & (path != BLANK)
    return [
        alphabet.decode(row[keep].tolist())
        for row, keep in zip(path, kept, strict=True)
    ]


class BeamDecoder:
    """CTC prefix beam search, without lexicon or language model.

    Flashlight's decoder through torchaudio, told to add up the probabilities of the
    paths that spell the same, as CTC defines them; its own default takes the best of
    them, which finds what the best path finds. Runs on one core. `width` prefixes are
    kept; the document keeps 20.
    """

    def __init__(self, alphabet: Alphabet, width: int = DOCUMENT_BEAM_WIDTH) -> None:
        if width < 1:
            raise ValueError(f"a beam of {width} keeps nothing: use 1 or more")
        self.alphabet = alphabet
        self.width = width
        self._search = _flashlight(alphabet.outputs, width)

    def decode(self, log_probs: np.ndarray, lengths: Sequence[int]) -> list[str]:
        """`log_probs` (B, U, N), true `lengths` (B,); B texts.

        Raises ValueError for other shapes and for NaN.
        """
        _check(log_probs, lengths, self.alphabet)
        return [
            self._text(frames[:length])
            for frames, length in zip(log_probs, lengths, strict=True)
        ]

    def _text(self, frames: np.ndarray) -> str:
        import torch

        if len(frames) == 0:
            return ""
        emissions = np.ascontiguousarray(frames, dtype=np.float32)
        best = self._search(torch.from_numpy(emissions)[None])[0][0]
        labels = best.tokens.tolist()
        return self.alphabet.decode(x for x in labels if x < self.alphabet.outputs)


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


def _check(log_probs: np.ndarray, lengths: Sequence[int], alphabet: Alphabet) -> None:
    if log_probs.ndim != 3 or log_probs.shape[2] != alphabet.outputs:
        raise ValueError(
            f"log-probabilities have shape {log_probs.shape}, expected (B, U, "
            f"{alphabet.outputs}) for the {alphabet.name}"
        )
    if np.isnan(log_probs).any():
        broken = int(np.isnan(log_probs).any(axis=(1, 2)).argmax())
        raise ValueError(
            f"log-probabilities hold NaN, first in utterance {broken} of the batch: "
            "the model's arithmetic overflowed"
        )
    most = log_probs.shape[1]
    if len(lengths) != len(log_probs) or any(not 0 <= n <= most for n in lengths):
        raise ValueError(
            f"lengths {list(lengths)} do not fit log-probabilities of shape "
            f"{log_probs.shape}: give one of 0 to {most} for each utterance"
        )


def make_decoder(alphabet: Alphabet, width: int) -> Callable[[np.ndarray], str]:
    """From one utterance's log-probabilities (U, N) to its text: best path for a width
    of 1, beam search for a wider one."""
    if width == 1:
        return lambda one: greedy(one[None], [len(one)], alphabet)[0]
    beam = BeamDecoder(alphabet, width)
    return lambda one: beam.decode(one[None], [len(one)])[0]
