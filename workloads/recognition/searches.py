"""The libraries that search outputs of CTC for a text, by their names on the runtime
axis of cases that decode.

Importing this module imports none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from workloads.installed import why_not_installed

D = TypeVar("D")


@dataclass(frozen=True)
class Search:
    """A library that searches. `packages` has, by the module that is imported, the
    package that brings it; `note` says for what it has no wheels."""

    name: str
    packages: Mapping[str, str]
    note: str = ""

    def why_not_installed(self) -> str | None:
        """Which package is missing here, and what to do."""
        return why_not_installed(self.name, self.packages, self.note)


FLASHLIGHT = Search(
    "flashlight",
    {"flashlight": "flashlight-text", "torchaudio": "torchaudio"},
    "wheels up to Python 3.12",
)
KALDI_DECODER = Search(
    "kaldi-decoder", {"kaldi_decoder": "kaldi-decoder", "kaldifst": "kaldifst"}
)
FAST_CTC_DECODE = Search("fast-ctc-decode", {"fast_ctc_decode": "fast-ctc-decode"})
SEARCHES = {one.name: one for one in (FLASHLIGHT, KALDI_DECODER, FAST_CTC_DECODE)}


def decoder_by(search: str, decoders: Mapping[str, D]) -> D:
    """Of a task's decoders by the names of their searches the one that is asked for.
    ValueError lists those that it has; ImportError says which package is missing."""
    if search not in decoders:
        raise ValueError(
            f"no search is called {search!r} here: expected one of "
            f"{', '.join(decoders)}"
        )
    if reason := SEARCHES[search].why_not_installed():
        raise ImportError(reason)
    return decoders[search]


def check_beam(width: int, narrowest: int = 1) -> None:
    """ValueError for a beam that a search cannot keep."""
    if width < 1:
        raise ValueError(f"a beam of {width} keeps nothing: use 1 or more")
    if width < narrowest:
        raise ValueError(
            f"a beam of {width} is too narrow here: use {narrowest} or more"
        )


def flashlight(
    tokens: Sequence[str],
    width: int,
    blank: str,
    boundary: str,
    lexicon: Path | None = None,
) -> Any:
    """Flashlight's CTC decoder through torchaudio, without a language model; of
    emissions (1, U, N) on the CPU.

    It is set to add up the probabilities of the paths that spell the same, as CTC
    defines them; its own default takes the best of them. `boundary` is what it takes
    for silence: it puts one before and after every utterance. It runs on one core, and
    keeps the interpreter's lock while it searches.
    """
    from torchaudio.models.decoder import ctc_decoder

    return ctc_decoder(
        lexicon=None if lexicon is None else str(lexicon),
        tokens=list(tokens),
        beam_size=width,
        blank_token=blank,
        sil_token=boundary,
        unk_word="<unk>",
        log_add=True,
    )
