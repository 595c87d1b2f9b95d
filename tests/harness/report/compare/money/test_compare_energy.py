"""Energy that some candidates are charged for, and others are not."""

import pytest
from rows import estimate, measured

from harness.report.compare.money.prices import Machine, energy_gaps, tariff

OWNED = Machine(purchase=4000, life_years=4)
BLIND = OWNED.model_copy(update={"power_price_per_kwh": 0.30})
POWERED = BLIND.model_copy(update={"watts": 500.0})
UNKNOWN = "left out: no joules were measured, and the price list has no watts"


def with_energy(rtfx, joules):
    joules_per_hour = estimate(joules)
    return measured(
        rtfx=rtfx, joules_per_audio_hour=joules_per_hour, energy_source="rapl"
    )


def gaps(**machines):
    """Of machines, and for each the cases that were measured on it."""
    paid = {name: tariff(name, *each, 1.0) for name, each in machines.items()}
    marked, warnings = energy_gaps(paid)
    return {name: each.price.energy_note for name, each in marked.items()}, warnings


def test_energy_that_only_others_are_charged_is_warned_of_by_name():
    notes, warnings = gaps(
        a=(BLIND, [with_energy(100, 7200)]),
        b=(BLIND, [measured()]),
        c=(BLIND, []),
        d=(Machine(per_hour=1), []),  # its rent has the power in it
    )
    assert warnings == [
        "energy is missing from the costs of b, c, and in those of a, d: no joules "
        "were measured, and the price list has no watts; read a meter at the wall "
        "under load and put its watts there"
    ]
    assert notes["b"] == notes["c"] == f"{UNKNOWN}: too cheap beside a, d"
    assert notes["a"] == "measured: 200 W, the mean of 1 cases (rapl)"
    assert notes["d"] == "in the rent"


def test_energy_metered_at_the_wall_here_and_by_sensors_there_is_warned_of():
    _, warnings = gaps(
        a=(POWERED, [with_energy(100, 7200)]),
        b=(BLIND, [with_energy(100, 7200)]),
        c=(Machine(per_hour=1), []),
        d=(OWNED, [with_energy(100, 7200)]),  # without a price of power
    )
    assert warnings[-1] == (
        "energy is metered at the wall for a, and by sensors of processors and GPUs "
        "alone for b, which costs less: put the watts of all into the price list"
    )


def test_who_has_no_price_of_power_is_too_cheap_beside_who_has_one():
    notes, warnings = gaps(
        a=(POWERED, [with_energy(100, 7200)]),
        b=(OWNED, [with_energy(100, 7200)]),
    )
    assert warnings == [
        "energy is missing from the costs of b, and in those of a: the price list has "
        "no power_price_per_kwh; put it there"
    ]
    assert notes["b"] == (
        "left out: the price list has no power_price_per_kwh: too cheap beside a"
    )


@pytest.mark.parametrize(
    "machines",
    [
        {"a": (BLIND, []), "b": (BLIND, [])},
        {"a": (POWERED, []), "b": (POWERED, [with_energy(100, 7200)])},
        {"a": (OWNED, []), "b": (Machine(per_hour=1), [])},
    ],
    ids=["nobody's is known", "all at the wall", "the list has no price of power"],
)
def test_candidates_whose_energy_is_treated_alike_are_not_warned_of(machines):
    notes, warnings = gaps(**machines)
    assert warnings == []
    assert not any("too cheap" in note for note in notes.values())
