"""What machines cost: the buyer's price list, and what an hour of a machine comes to.

The file explains its keys itself: `results/prices.toml`. Amounts are in its currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from statistics import fmean
from typing import Annotated

from pydantic import Field

from harness.report.compare.model import Candidate, Measured, Price
from harness.report.compare.toml_file import Table, read, table_name
from harness.text import plain

HOURS_PER_YEAR = 8766  # 365.25 days
JOULES_PER_KWH = 3.6e6

# Bounds far beyond any price keep every sum finite, and out NaN. Strict: no text or
# truth value is a number.
Paid = Annotated[float, Field(strict=True, gt=0, le=1e12)]
Running = Annotated[float, Field(strict=True, ge=0, le=1e12)]
Years = Annotated[float, Field(strict=True, ge=0.1, le=100)]
UNKNOWN_ENERGY = "left out: no joules were measured, and the price list has no watts"
NO_POWER_PRICE = "left out: the price list has no power_price_per_kwh"
LACKING_ENERGY = {  # what to do about each
    UNKNOWN_ENERGY: "no joules were measured, and the price list has no watts; read a "
    "meter at the wall under load and put its watts there",
    NO_POWER_PRICE: "the price list has no power_price_per_kwh; put it there",
}
TOO_CHEAP = "too cheap beside"
OF_OWNED = ("life_years", "hosting_per_year", "power_price_per_kwh", "watts")


class Machine(Table):
    """A machine's table: owned where it has `purchase`, rented where `per_hour`."""

    description: str = Field("", description="a text")
    source: str = Field("", description="a text")
    purchase: Paid | None = Field(None, description="an amount above 0")
    life_years: Years | None = Field(
        None, description="the years that it will serve, from 0.1 to 100"
    )
    hosting_per_year: Running | None = Field(None, description="an amount, 0 or more")
    per_hour: Paid | None = Field(None, description="an amount above 0")
    power_price_per_kwh: Running | None = Field(
        None, description="an amount per kWh, 0 or more"
    )
    watts: Paid | None = Field(
        None, description="the power at the wall under load, above 0 W"
    )

    @property
    def is_rented(self) -> bool:
        return self.per_hour is not None

    @property
    def fixed_per_year(self) -> float:
        """Of an owned machine, busy or not: purchase / life + hosting. Rented: 0."""
        if self.purchase is None or self.life_years is None:
            return 0.0
        return self.purchase / self.life_years + (self.hosting_per_year or 0.0)


class _File(Table):
    currency: str = Field(
        min_length=1, max_length=8, description='a text of 1 to 8 letters like "USD"'
    )
    machines: dict[str, Machine] = Field(
        description='a table [machines."NAME"] for each machine'
    )


@dataclass(frozen=True)
class PriceList:
    path: Path
    currency: str
    machines: Mapping[str, Machine]

    def machine_of(self, candidate: Candidate) -> Machine | None:
        """By its label (the machine under one hardware setting), else by its name."""
        by_label = self.machines.get(candidate.label)
        return by_label or self.machines.get(candidate.machine)


def load_prices(path: Path) -> PriceList:
    """The price list; ValueError names file, table, key, what is there instead."""
    content = read(path, _File)
    for name, machine in content.machines.items():
        for mistake in _mistakes(machine):
            raise ValueError(f"{path}: {table_name('machines', name)}: {mistake}")
    return PriceList(path, content.currency, content.machines)


def _mistakes(machine: Machine) -> Iterator[str]:
    """What no key shows by itself."""
    one = "expected one of them: purchase (owned) or per_hour (rented)"
    if machine.purchase is None and machine.per_hour is None:
        yield f"found neither purchase nor per_hour, {one}"
    if machine.purchase is not None and machine.per_hour is not None:
        prices = f"purchase = {machine.purchase:g} and per_hour = {machine.per_hour:g}"
        yield f"found both {prices}, {one}"
    if machine.per_hour is not None:
        for key in OF_OWNED:
            if (found := getattr(machine, key)) is not None:
                beside = f"{key} = {found:g} beside per_hour = {machine.per_hour:g}"
                yield f"found {beside}, expected it of owned machines only"
    elif machine.life_years is None:
        expected = Machine.model_fields["life_years"].description
        yield f"life_years: found nothing beside purchase, expected {expected}"
    if machine.watts is not None and machine.power_price_per_kwh is None:
        watts = f"watts = {machine.watts:g} without power_price_per_kwh"
        yield f"found {watts}, expected both or neither"


def unpriced(prices: PriceList, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """A warning for each candidate that the list does not know; ValueError where it
    knows none."""
    unknown = [each for each in candidates if prices.machine_of(each) is None]
    if len(unknown) < len(candidates):
        return tuple(_no_price(prices, candidate) for candidate in unknown)
    tables = " or ".join(dict.fromkeys(_tables(each) for each in candidates))
    raise ValueError(
        f"{prices.path}: found prices of {_names(prices.machines)}, and of no machine "
        f"that is compared: expected a table {tables}"
    )


def _no_price(prices: PriceList, candidate: Candidate) -> str:
    wanted = (candidate.label, candidate.machine)
    close = [
        match
        for name in wanted
        for match in get_close_matches(name, prices.machines, 1)
    ]
    hint = f" (there is {table_name('machines', close[0])})" if close else ""
    return (
        f"{candidate.label} has no price: {prices.path} has no table "
        f"{_tables(candidate)}{hint}"
    )


def _tables(candidate: Candidate) -> str:
    names = dict.fromkeys((candidate.label, candidate.machine))
    return " or ".join(table_name("machines", name) for name in names)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names) or "no machine"


def power_w(measured: Measured) -> float | None:
    """Mean electrical power while a case ran, where joules were measured.

    An hour's RTFx hours of audio take J per audio hour each: W = J x RTFx / 3600. A
    training's RTFx leaves out evaluation, its joules do not. They are those of an epoch
    (its audio is RTFx x seconds of its steps), over the whole seconds of an epoch.
    """
    if measured.joules_per_audio_hour is None:
        return None
    audio_h_per_s = measured.rtfx.value / 3600
    training = measured.training
    if training is not None and training.s_per_epoch is not None:
        audio_h_per_s *= measured.step_s.value / training.s_per_epoch.value
    return measured.joules_per_audio_hour.value * audio_h_per_s


@dataclass(frozen=True)
class Tariff:
    """A machine's price under a name, at a utilization."""

    price: Price
    machine: Machine
    utilization: float

    @property
    def fixed_per_busy_hour(self) -> float:
        """fixed per year / (8766 h x utilization); nothing of a rented machine."""
        return self.machine.fixed_per_year / (HOURS_PER_YEAR * self.utilization)

    def running_per_busy_hour(self, measured: Measured) -> float:
        """The rent, or the energy: by the buyer's `watts`; else the case's own where
        its joules were measured; else what the candidate's price says. Energy that
        nobody knows is 0 here, and told by the price's note and `energy_gaps`."""
        machine = self.machine
        if machine.per_hour is not None:
            return machine.per_hour
        own_w, per_kwh = power_w(measured), machine.power_price_per_kwh
        if own_w is not None and per_kwh is not None and machine.watts is None:
            return own_w / 1000 * per_kwh
        return self.price.energy_per_busy_hour or 0.0

    def per_busy_hour(self, measured: Measured) -> float:
        return self.fixed_per_busy_hour + self.running_per_busy_hour(measured)


def tariff(
    name: str, machine: Machine, cases: Iterable[Measured], utilization: float
) -> Tariff:
    """What an hour of a machine costs while it is busy.

    Rented: the rent. Owned: fixed per year / (8766 h x utilization) + energy, which is
    the buyer's `watts`, else the mean power of its measured `cases`, in kW x price per
    kWh: at the wall everything is metered, where RAPL and NVML see processors and GPUs
    alone. Hours without work are in the first part; their power is in neither.
    """
    energy, note = _energy_per_busy_hour(machine, list(cases))
    fixed = machine.fixed_per_year
    per_busy_hour = (
        machine.per_hour
        if machine.per_hour is not None
        else fixed / (HOURS_PER_YEAR * utilization) + (energy or 0.0)
    )
    price = Price(
        name,
        machine.is_rented,
        per_busy_hour,
        fixed,
        energy,
        note,
        description=plain(machine.description),
        source=plain(machine.source),
    )
    return Tariff(price, machine, utilization)


def _energy_per_busy_hour(
    machine: Machine, cases: Sequence[Measured]
) -> tuple[float | None, str]:
    """The energy, and what stands for it."""
    if machine.is_rented:
        return None, "in the rent"
    per_kwh = machine.power_price_per_kwh
    if per_kwh is None:
        return None, NO_POWER_PRICE
    if machine.watts is not None:
        note = f"{machine.watts:g} W at the wall, of the price list"
        return machine.watts / 1000 * per_kwh, note
    known = [(power, case) for case in cases if (power := power_w(case)) is not None]
    if known:
        mean_w = fmean(power for power, _ in known)
        sources = ", ".join(sorted({case.energy_source for _, case in known}))
        note = f"measured: {mean_w:.3g} W, the mean of {len(known)} cases ({sources})"
        return mean_w / 1000 * per_kwh, note
    return None, UNKNOWN_ENERGY


def energy_gaps(tariffs: Mapping[str, Tariff]) -> tuple[dict[str, Tariff], list[str]]:
    """The tariffs of compared candidates by label, those marked whose costs lack energy
    that the others' have, and warnings that name them: what nobody metered is no
    cheaper for it. A rent has the power in it."""
    notes = {label: each.price.energy_note for label, each in tariffs.items()}
    is_priced = any(each.price.energy_per_busy_hour for each in tariffs.values())
    lacking = LACKING_ENERGY if is_priced else (UNKNOWN_ENERGY,)
    blind = [label for label, note in notes.items() if note in lacking]
    charged = [label for label, each in tariffs.items() if _is_charged(each)]
    if not blind or not charged:
        return dict(tariffs), _metered_unlike(tariffs)
    marked = {label: _marked(tariffs[label], charged) for label in blind}
    warning = (
        f"energy is missing from the costs of {', '.join(blind)}, and in those of "
        f"{', '.join(charged)}: {_remedies(blind, notes)}"
    )
    return {**tariffs, **marked}, [warning, *_metered_unlike(tariffs)]


def _remedies(blind: Sequence[str], notes: Mapping[str, str]) -> str:
    """What is missing, and what to do, once for each kind."""
    kinds = dict.fromkeys(notes[label] for label in blind)
    return "; ".join(LACKING_ENERGY[kind] for kind in kinds)


def _is_charged(paid: Tariff) -> bool:
    return paid.machine.is_rented or paid.price.energy_per_busy_hour is not None


def _marked(paid: Tariff, charged: Sequence[str]) -> Tariff:
    note = f"{paid.price.energy_note}: {TOO_CHEAP} {', '.join(charged)}"
    return replace(paid, price=replace(paid.price, energy_note=note))


def _metered_unlike(tariffs: Mapping[str, Tariff]) -> list[str]:
    """Of owned machines, where some energy is complete and some is not."""
    known = {
        label: each.machine.watts is not None
        for label, each in tariffs.items()
        if each.price.energy_per_busy_hour is not None
    }
    walls = [label for label, at_the_wall in known.items() if at_the_wall]
    sensors = [label for label, at_the_wall in known.items() if not at_the_wall]
    if not walls or not sensors:
        return []
    return [
        f"energy is metered at the wall for {', '.join(walls)}, and by sensors of "
        f"processors and GPUs alone for {', '.join(sensors)}, which costs less: put "
        "the watts of all into the price list"
    ]
