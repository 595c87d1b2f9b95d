"""From log-probabilities to text: best path, and beam search over a lexicon.

Axes: `B` utterances, `U` output frames, `N` = 30 outputs.
"""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workloads.asr.alphabet import ALPHABET, BLANK, OUTPUTS, SYMBOLS, separate_doubles

# Flashlight's files are separated by spaces, so they need other names for two outputs.
_BOUNDARY = "|"
_TOKENS = [_BOUNDARY if s == " " else s for s in SYMBOLS] + ["-"]
_BOUNDARY_OUTPUT = _TOKENS.index(_BOUNDARY)
_IMPOSSIBLE = -1e4


def best_path(log_probs: np.ndarray) -> str:
    """The text of the most likely output of each frame (U, N): a beam of 1, without a
    lexicon."""
    return ALPHABET.collapse(log_probs.argmax(axis=1).tolist())


class LexiconBeamDecoder:
    """Prefix beam search that can only write words of a lexicon; `beam_width` prefixes
    are kept.

    Flashlight's decoder through torchaudio, without a language model, set to add up
    the probabilities of the paths that spell the same, as CTC defines them; its own
    default takes the best of them. A word ends with the space after it; one certain
    space is appended to every utterance, so that its last word ends too. Runs on one
    core: flashlight keeps the interpreter's lock while it searches.
    """

    def __init__(self, words: Iterable[str], beam_width: int) -> None:
        lexicon = sorted(set(words))
        if not lexicon:
            raise ValueError("the lexicon is empty: give the words of the transcripts")
        if beam_width < 1:
            raise ValueError(f"a beam of {beam_width} keeps nothing: use 1 or more")
        self.beam_width = beam_width
        self._search = _flashlight(lexicon, beam_width)

    def decode(self, log_probs: np.ndarray) -> str:
        """The text of one utterance's `log_probs` (U, 30)."""
        end = np.full((1, OUTPUTS), _IMPOSSIBLE, np.float32)
        end[0, _BOUNDARY_OUTPUT] = 0.0
        emissions = np.concatenate([log_probs, end])[None]  # (1, U + 1, 30)
        hypotheses = self._search(torch.from_numpy(emissions))[0]
        return " ".join(hypotheses[0].words) if hypotheses else ""


def _flashlight(lexicon: Sequence[str], beam_width: int) -> Any:
    try:
        from torchaudio.models.decoder import ctc_decoder
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            f"the lexicon beam search needs flashlight ({error}): "
            "pip install flashlight-text, or decode greedily (beam width 1)"
        ) from error
    lines = [
        f"{word} {' '.join(separate_doubles(word))} {_BOUNDARY}\n" for word in lexicon
    ]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "lexicon.txt"
        path.write_text("".join(lines))
        return ctc_decoder(
            lexicon=str(path),
            tokens=_TOKENS,
            beam_size=beam_width,
            blank_token=_TOKENS[BLANK],
            sil_token=_BOUNDARY,
            unk_word="<unk>",
            log_add=True,
        )
