"""How metrics are shown: by what each says of itself.

Records hold a metric's direction, unit and title. Those that hold no more than the
direction are read by the names that were known then: see KNOWN.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from basics.metric_kinds import Better, MetricKind, decibels, error_rate
from basics.metric_kinds import check_better as check_better

EditUnit = Literal["character", "phoneme"]

# Of records that hold no unit, in the order in which they are shown; more may follow
# the name, as in "cer_max".
KNOWN = (
    error_rate("wer"),
    error_rate("cer"),
    error_rate("per"),
    decibels("si_sdr_improvement", "SI-SDRi"),
    decibels("si_sdr", "SI-SDR"),
    decibels("snr", "SNR"),
    decibels("snr_rescaled", "SNR (rescaled)"),
    MetricKind("levenshtein", edits_per_item=True),
)
UNITS = {kind.name: kind.unit for kind in KNOWN if kind.unit}
UNIT_ORDER = ("%", "dB")
Named = str | MetricKind  # a name stands for what was known of it


def known_kind(name: str) -> MetricKind:
    """What a metric is by its name alone.

    >>> known_kind("cer_max").unit, known_kind("eer").unit
    ('%', '')
    """
    exact = (kind for kind in KNOWN if kind.name == name)
    longer = (k for k in KNOWN if k.unit and name.startswith(f"{k.name}_"))
    found = next(exact, None) or next(longer, None)
    if found is None:
        return MetricKind(name)
    return found if found.name == name else replace(found, name=name, title=name)


def recorded_kind(
    name: str,
    better: Better,
    unit: str | None,
    title: str | None,
    edits_per_item: bool | None = None,
) -> MetricKind:
    """What a record tells of a metric; of one without a unit, what its name tells."""
    if unit is None:
        return replace(known_kind(name), better=better)
    return MetricKind(
        name,
        title or name,
        unit,
        better,
        scale=100.0 if unit == "%" else 1.0,
        decimals=1 if unit == "dB" else None,
        edits_per_item=(
            known_kind(name).edits_per_item
            if edits_per_item is None
            else edits_per_item
        ),
    )


class MetricKinds:
    """The kinds that some records tell, by name; of other names, what was known."""

    def __init__(self, kinds: Iterable[MetricKind] = ()) -> None:
        self._by_name = {kind.name: kind for kind in kinds}

    def __getitem__(self, name: str) -> MetricKind:
        return self._by_name.get(name) or known_kind(name)

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Known ones first: word, letter and phone error rates, then dB; then other
        rates, other dB, and the rest, each by name.

        >>> eer = MetricKind("eer", "EER", "%", scale=100.0)
        >>> MetricKinds([eer]).in_order(["snr", "eer", "apples", "wer"])
        ['wer', 'snr', 'eer', 'apples']
        """
        return sorted(set(names), key=lambda name: _place(self[name]))


def _place(kind: MetricKind) -> tuple[int, int, str]:
    known, units = list(UNITS), list(UNIT_ORDER)
    return _index(known, kind.name), _index(units, kind.unit), kind.name


def _index(names: list[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def kind_of(metric: Named) -> MetricKind:
    return known_kind(metric) if isinstance(metric, str) else metric


def as_loss(value: float, better: Better) -> float:
    """The value, or its negative where higher is better: the lower the better, of
    values, of levels and of differences.

    >>> as_loss(0.2, "lower"), as_loss(9.3, "higher")
    (0.2, -9.3)
    """
    return -value if better == "higher" else value


def unit_of(metric: Named) -> str:
    """
    >>> unit_of("cer_max"), unit_of("si_sdr"), unit_of("levenshtein")
    ('%', 'dB', '')
    """
    return kind_of(metric).unit


def is_rate(metric: Named) -> bool:
    """Whether the metric is a share of errors: "wer", "cer", "cer_max".

    >>> is_rate("cer_max"), is_rate("levenshtein"), is_rate("si_sdr")
    (True, False, False)
    """
    return unit_of(metric) == "%"


def is_edits_an_utterance(metric: Named) -> bool:
    """
    >>> [is_edits_an_utterance(name) for name in ("levenshtein", "wer", "si_sdr")]
    [True, False, False]
    """
    return kind_of(metric).edits_per_item


def scale_of(metric: Named) -> float:
    return kind_of(metric).scale


def decimals_of(metric: Named) -> int | None:
    """None: as many as the numbers themselves ask for."""
    return kind_of(metric).decimals


def title_of(metric: Named) -> str:
    """
    >>> title_of("si_sdr_improvement"), title_of("wer")
    ('SI-SDRi', 'wer')
    """
    return kind_of(metric).title


def titled_unit(metric: Named) -> str:
    """
    >>> titled_unit("snr"), titled_unit("wer"), titled_unit("levenshtein")
    ('SNR dB', 'wer %', 'levenshtein')
    """
    return f"{title_of(metric)} {unit_of(metric)}".rstrip()


def level_text(metric: Named, level: float) -> str:
    """
    >>> level_text("wer", 0.2), level_text("levenshtein", 2.5), level_text("snr", -3)
    ('wer 20 %', 'levenshtein 2.5', 'SNR -3 dB')
    """
    return f"{title_of(metric)} {amount_text(metric, level)}"


def amount_text(metric: Named, level: float) -> str:
    """
    >>> amount_text("wer", 0.25), amount_text("si_sdr", 6.5)
    ('25 %', '6.5 dB')
    """
    return f"{level * scale_of(metric):g} {unit_of(metric)}".rstrip()


def value_text(metric: Named, value: float) -> str:
    """A measured value; no zero has a sign.

    >>> value_text("wer", 0.1234), value_text("si_sdr", -0.04), value_text("edits", 2.5)
    ('12.3 %', '0.0 dB', '2.5')
    """
    unit = unit_of(metric)
    pattern = "z.1f" if unit else ".4g"
    return f"{value * scale_of(metric):{pattern}} {unit}".rstrip()


def in_order(metrics: Iterable[str]) -> list[str]:
    """Of names alone: see `MetricKinds.in_order`.

    >>> in_order(["levenshtein", "snr", "cer_max", "cer", "si_sdr_improvement", "wer"])
    ['wer', 'cer', 'si_sdr_improvement', 'snr', 'cer_max', 'levenshtein']
    """
    return MetricKinds().in_order(metrics)
