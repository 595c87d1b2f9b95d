"""How metrics are shown: by what each says of itself.

Records hold a metric's direction, unit and title. Those that hold no more than the
direction are read by the names that were known then: see KNOWN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
UNIT_ORDER = ("%", "dB")


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
    """What a record says of a metric; of one without a unit, what its name says."""
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


class MetricKinds(Mapping[str, MetricKind]):
    """The kinds that some records state, by name. Another name has the kind that was
    known of it.

    >>> kinds = MetricKinds([MetricKind("eer", "EER", "%", scale=100.0)])
    >>> list(kinds), "wer" in kinds, kinds["wer"].unit
    (['eer'], False, '%')
    """

    def __init__(self, kinds: Iterable[MetricKind] = ()) -> None:
        self._by_name = {kind.name: kind for kind in kinds}

    def __getitem__(self, name: str) -> MetricKind:
        return self._by_name.get(name) or known_kind(name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Known ones first: word, letter and phone error rates, then dB; then other
        rates, other dB, and the rest, each by name.

        >>> eer = MetricKind("eer", "EER", "%", scale=100.0)
        >>> MetricKinds([eer]).in_order(["snr", "eer", "apples", "wer", "cer_max"])
        ['wer', 'snr', 'cer_max', 'eer', 'apples']
        """
        return sorted(set(names), key=lambda name: _place(self[name]))


def _place(kind: MetricKind) -> tuple[int, int, str]:
    known = [one.name for one in KNOWN if one.unit]
    return _index(known, kind.name), _index(list(UNIT_ORDER), kind.unit), kind.name


def _index(names: list[str], name: str) -> int:
    return names.index(name) if name in names else len(names)


def as_loss(value: float, better: Better) -> float:
    """The value, or its negative where higher is better: the lower the better, of
    values, of levels and of differences.

    >>> as_loss(0.2, "lower"), as_loss(9.3, "higher")
    (0.2, -9.3)
    """
    return -value if better == "higher" else value


def is_rate(kind: MetricKind) -> bool:
    """Whether the metric is a share of errors.

    >>> is_rate(known_kind("cer_max")), is_rate(known_kind("si_sdr"))
    (True, False)
    """
    return kind.unit == "%"


def titled_unit(kind: MetricKind) -> str:
    """
    >>> titled_unit(known_kind("snr")), titled_unit(known_kind("levenshtein"))
    ('SNR dB', 'levenshtein')
    """
    return f"{kind.title} {kind.unit}".rstrip()


def level_text(kind: MetricKind, level: float) -> str:
    """
    >>> level_text(known_kind("wer"), 0.2), level_text(known_kind("snr"), -3)
    ('wer 20 %', 'SNR -3 dB')
    """
    return f"{kind.title} {amount_text(kind, level)}"


def amount_text(kind: MetricKind, level: float) -> str:
    """
    >>> amount_text(known_kind("wer"), 0.25), amount_text(known_kind("si_sdr"), 6.5)
    ('25 %', '6.5 dB')
    """
    return f"{level * kind.scale:g} {kind.unit}".rstrip()


def value_text(kind: MetricKind, value: float) -> str:
    """A measured value; no zero has a sign.

    >>> value_text(known_kind("wer"), 0.1234), value_text(known_kind("snr"), -0.04)
    ('12.3 %', '0.0 dB')
    >>> value_text(known_kind("edits"), 2.5)
    '2.5'
    """
    pattern = "z.1f" if kind.unit else ".4g"
    return f"{value * kind.scale:{pattern}} {kind.unit}".rstrip()
