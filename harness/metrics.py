"""Which way a metric is better, and how it is told.

The direction stands in the record. Unit and title follow from the name: shares of
errors are kept as shares and told in percent, ratios of powers are kept and told in dB.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

Better = Literal["lower", "higher"]
EditUnit = Literal["character", "phoneme"]

# In the order in which they are told; more may follow the name, as in "cer_max".
UNITS = {
    "wer": "%",
    "cer": "%",
    "per": "%",
    "si_sdr_improvement": "dB",
    "si_sdr": "dB",
    "snr": "dB",
    "snr_rescaled": "dB",
}
# Means of whole edits, one number an utterance: an edit in one of n moves them by 1/n,
# where a pooled rate, or a level in dB, hardly moves by that.
EDITS_AN_UTTERANCE = ("levenshtein",)
TITLES = {
    "si_sdr_improvement": "SI-SDRi",
    "si_sdr": "SI-SDR",
    "snr": "SNR",
    "snr_rescaled": "SNR (rescaled)",
}
DB_DECIMALS = 1


def as_loss(value: float, better: Better) -> float:
    """The value, or its negative where higher is better: the lower the better, of
    values, of levels and of differences.

    >>> as_loss(0.2, "lower"), as_loss(9.3, "higher")
    (0.2, -9.3)
    """
    return -value if better == "higher" else value


def check_better(better: str) -> None:
    """ValueError for what is no direction."""
    if better not in get_args(Better):
        raise ValueError(f"better is {better!r}: expected 'lower' or 'higher'")


def unit_of(metric: str) -> str:
    """
    >>> unit_of("cer_max"), unit_of("si_sdr"), unit_of("levenshtein")
    ('%', 'dB', '')
    """
    known = (u for name, u in UNITS.items() if f"{metric}_".startswith(f"{name}_"))
    return next(known, "")


def is_rate(metric: str) -> bool:
    """Whether the metric is a share of errors: "wer", "cer", "cer_max".

    >>> is_rate("cer_max"), is_rate("levenshtein"), is_rate("si_sdr")
    (True, False, False)
    """
    return unit_of(metric) == "%"


def is_edits_an_utterance(metric: str) -> bool:
    """
    >>> [is_edits_an_utterance(name) for name in ("levenshtein", "wer", "si_sdr")]
    [True, False, False]
    """
    return metric in EDITS_AN_UTTERANCE


def scale_of(metric: str) -> float:
    return 100.0 if is_rate(metric) else 1.0


def decimals_of(metric: str) -> int | None:
    """None: as many as the numbers themselves ask for."""
    return DB_DECIMALS if unit_of(metric) == "dB" else None


def title_of(metric: str) -> str:
    """
    >>> title_of("si_sdr_improvement"), title_of("wer")
    ('SI-SDRi', 'wer')
    """
    return TITLES.get(metric, metric)


def titled_unit(metric: str) -> str:
    """
    >>> titled_unit("snr"), titled_unit("wer"), titled_unit("levenshtein")
    ('SNR dB', 'wer %', 'levenshtein')
    """
    return f"{title_of(metric)} {unit_of(metric)}".rstrip()


def level_text(metric: str, level: float) -> str:
    """
    >>> level_text("wer", 0.2), level_text("levenshtein", 2.5), level_text("snr", -3)
    ('wer 20 %', 'levenshtein 2.5', 'SNR -3 dB')
    """
    return f"{title_of(metric)} {amount_text(metric, level)}"


def amount_text(metric: str, level: float) -> str:
    """
    >>> amount_text("wer", 0.25), amount_text("si_sdr", 6.5)
    ('25 %', '6.5 dB')
    """
    return f"{level * scale_of(metric):g} {unit_of(metric)}".rstrip()


def value_text(metric: str, value: float) -> str:
    """A measured value; no zero has a sign.

    >>> value_text("wer", 0.1234), value_text("si_sdr", -0.04), value_text("edits", 2.5)
    ('12.3 %', '0.0 dB', '2.5')
    """
    unit = unit_of(metric)
    pattern = "z.1f" if unit else ".4g"
    return f"{value * scale_of(metric):{pattern}} {unit}".rstrip()


def in_order(metrics: Iterable[str]) -> list[str]:
    """Word, letter and phone error rates first, then dB, then the others by name.

    >>> in_order(["levenshtein", "snr", "cer_max", "cer", "si_sdr_improvement", "wer"])
    ['wer', 'cer', 'si_sdr_improvement', 'snr', 'cer_max', 'levenshtein']
    """
    known = {name: place for place, name in enumerate(UNITS)}
    return sorted(set(metrics), key=lambda name: (known.get(name, len(known)), name))
