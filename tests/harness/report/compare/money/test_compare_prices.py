from pathlib import Path

import pytest
from rows import candidate, estimate, measured, trained

from harness.report.compare.money.prices import (
    Machine,
    PriceList,
    load_prices,
    power_w,
    tariff,
    unpriced,
)

SHIPPED = Path(__file__).parents[5] / "results" / "prices.toml"
OWNED = Machine(purchase=4000, life_years=4, hosting_per_year=753.2)
# 4000 / 4 + 753.2 = 1753.2 a year = 0.2 x 8766 h: 0.20 an hour if always busy.


def written(tmp_path, text):
    path = tmp_path / "prices.toml"
    path.write_text(text)
    return path


def complaint(tmp_path, text):
    """What is wrong with the file, after its name."""
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=r"prices\.toml") as caught:
        load_prices(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: ")
    assert "\n" not in sentence
    return sentence.removeprefix(f"{path}: ")


def of_machine(*lines):
    return "\n".join(['currency = "USD"', '[machines."a b"]', *lines])


def test_owned_and_rented_machines_are_read_as_they_are_written(tmp_path):
    text = of_machine("purchase = 10", "life_years = 2", "power_price_per_kwh = 0.3")
    prices = load_prices(written(tmp_path, text + "\n[machines.c]\nper_hour = 0.5"))
    assert prices.currency == "USD"
    assert prices.machines["a b"] == Machine(
        purchase=10, life_years=2, power_price_per_kwh=0.3
    )
    assert prices.machines["c"].is_rented
    assert not prices.machines["a b"].is_rented


LIFE = "the years that it will serve, from 0.1 to 100"
ONE = "expected one of them: purchase (owned) or per_hour (rented)"
KEYS = (
    "description, source, purchase, life_years, hosting_per_year, per_hour, "
    "power_price_per_kwh, watts"
)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ("lifetime = 4",),
            f"found the unknown key lifetime = 4, expected one of {KEYS}",
        ),
        (("purchase = -5",), "purchase: found -5, expected an amount above 0"),
        (("purchase = 0",), "purchase: found 0, expected an amount above 0"),
        (("purchase = nan",), "purchase: found nan, expected an amount above 0"),
        (("purchase = inf",), "purchase: found inf, expected an amount above 0"),
        (('purchase = "12"',), "purchase: found '12', expected an amount above 0"),
        (("per_hour = true",), "per_hour: found True, expected an amount above 0"),
        (("per_hour = 0.0",), "per_hour: found 0.0, expected an amount above 0"),
        (("purchase = 1", "life_years = 0"), f"life_years: found 0, expected {LIFE}"),
        (
            ("purchase = 1", "life_years = 200"),
            f"life_years: found 200, expected {LIFE}",
        ),
        (
            ("purchase = 1",),
            f"life_years: found nothing beside purchase, expected {LIFE}",
        ),
        (
            ("hosting_per_year = -1",),
            "hosting_per_year: found -1, expected an amount, 0 or more",
        ),
        (
            ("power_price_per_kwh = -0.1",),
            "power_price_per_kwh: found -0.1, expected an amount per kWh, 0 or more",
        ),
        (
            ("watts = 0",),
            "watts: found 0, expected the power at the wall under load, above 0 W",
        ),
        (
            ("purchase = 1", "life_years = 1", "watts = 180"),
            "found watts = 180 without power_price_per_kwh, expected both or neither",
        ),
        (("source = 3",), "source: found 3, expected a text"),
        (("description = 3",), "description: found 3, expected a text"),
        ((), f"found neither purchase nor per_hour, {ONE}"),
        (
            ("purchase = 1", "per_hour = 2", "life_years = 3"),
            f"found both purchase = 1 and per_hour = 2, {ONE}",
        ),
        (
            ("per_hour = 2", "watts = 180", "power_price_per_kwh = 0"),
            "found power_price_per_kwh = 0 beside per_hour = 2, "
            "expected it of owned machines only",
        ),
        (
            (f'kind = "{"x" * 200}"',),
            f"found the unknown key kind = '{'x' * 79}..., expected one of {KEYS}",
        ),
    ],
)
def test_a_mistake_is_stated_with_its_table_and_what_is_expected(
    tmp_path, lines, sentence
):
    stated = complaint(tmp_path, of_machine(*lines))
    assert stated == f'[machines."a b"]: {sentence}'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[machines]",
            "the top of the file: currency: found nothing, expected a text of 1 to 8 "
            'letters like "USD"',
        ),
        (
            'currency = ""\n[machines]',
            "the top of the file: currency: found '', expected a text of 1 to 8 "
            'letters like "USD"',
        ),
        (
            'currency = "USD"',
            "the top of the file: machines: found nothing, expected a table "
            '[machines."NAME"] for each machine',
        ),
        (
            'currency = "USD"\nmachines = 3',
            "the top of the file: machines: found 3, expected a table "
            '[machines."NAME"] for each machine',
        ),
        (
            'currency = "USD"\n[machines]\npurchase = 3',
            "[machines]: purchase: found 3, expected a table "
            '[machines."NAME"] for each machine',
        ),
        (
            'currency = "USD"\nmachine = 3\n[machines]',
            "the top of the file: found the unknown key machine = 3, expected one of "
            "currency, machines",
        ),
    ],
)
def test_a_mistake_outside_of_any_machine_is_stated_likewise(tmp_path, text, sentence):
    assert complaint(tmp_path, text) == sentence


def test_a_file_that_is_no_toml_is_stated_with_the_place(tmp_path):
    path = written(tmp_path, "currency = USD")
    with pytest.raises(ValueError, match=r"is not TOML: Invalid value \(at line 1,"):
        load_prices(path)


def test_bytes_that_are_no_text_are_no_toml(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"prices\.toml is not TOML: 'utf-8'"):
        load_prices(path)


def test_a_file_that_is_not_there_is_stated_by_name(tmp_path):
    path = tmp_path / "none.toml"
    with pytest.raises(ValueError, match=r"none\.toml: No such file or directory"):
        load_prices(path)


def listing(**machines):
    return PriceList(Path("prices.toml"), "USD", machines)


def test_a_label_goes_before_the_machines_name():
    whole, part = Machine(per_hour=2), Machine(per_hour=1)
    prices = listing(**{"epyc": whole, "epyc cpu:threads=1": part})
    assert prices.machine_of(candidate("epyc cpu:threads=1", "epyc")) is part
    assert prices.machine_of(candidate("epyc cpu", "epyc")) is whole
    assert prices.machine_of(candidate("xeon", "xeon")) is None


def test_a_candidate_without_a_price_is_stated_with_the_nearest_name():
    prices = listing(epyc=Machine(per_hour=1), h200=Machine(per_hour=9))
    compared = [candidate("epyc"), candidate("h20 cpu", "h20"), candidate("zz")]
    assert unpriced(prices, compared) == (
        'h20 cpu has no price: prices.toml has no table [machines."h20 cpu"] or '
        '[machines."h20"] (there is [machines."h200"])',
        'zz has no price: prices.toml has no table [machines."zz"]',
    )


def test_prices_of_none_of_the_candidates_are_refused():
    prices = listing(a=Machine(per_hour=1), b=Machine(per_hour=1))
    with pytest.raises(ValueError, match=r"prices\.toml") as caught:
        unpriced(prices, [candidate("x"), candidate("y cpu", "y")])
    assert str(caught.value) == (
        'prices.toml: found prices of "a", "b", and of no machine that is compared: '
        'expected a table [machines."x"] or [machines."y cpu"] or [machines."y"]'
    )


def test_an_empty_price_list_is_refused_likewise():
    with pytest.raises(ValueError, match="found prices of no machine, and of no"):
        unpriced(listing(), [candidate("x")])


def test_an_owned_machines_hour_costs_more_the_less_it_is_busy():
    assert OWNED.fixed_per_year == pytest.approx(1753.2)
    assert tariff("m", OWNED, (), 1.0).price.per_busy_hour == pytest.approx(0.2)
    assert tariff("m", OWNED, (), 0.25).price.per_busy_hour == pytest.approx(0.8)


def test_a_rented_machines_hour_costs_the_rent_at_any_utilization():
    rented = Machine(per_hour=0.34)
    for utilization in (0.1, 1.0):
        price = tariff("m", rented, [measured()], utilization).price
        assert (price.per_busy_hour, price.fixed_per_year) == (0.34, 0.0)
        assert (price.energy_per_busy_hour, price.energy_note) == (None, "in the rent")
        assert price.is_rented


def test_hosting_is_paid_by_the_year():
    without = OWNED.model_copy(update={"hosting_per_year": None})
    assert without.fixed_per_year == 1000.0


def with_energy(rtfx, joules, source="rapl"):
    return measured(
        rtfx=rtfx, joules_per_audio_hour=estimate(joules), energy_source=source
    )


def test_power_is_the_joules_of_an_hours_audio():
    # In an hour 100 h of audio at 7,200 J each: 720,000 J / 3,600 s = 200 W.
    assert power_w(with_energy(100, 7200)) == pytest.approx(200)
    assert power_w(measured()) is None


def test_a_trainings_power_is_over_whole_epochs():
    # Steps of 8 s an epoch at RTFx 450 are 3,600 s of audio: 1 h, 2,000 J. An epoch
    # with its evaluation takes 10 s: 200 W.
    training = trained(
        s_per_epoch=10,
        rtfx=450,
        step_s=estimate(8),
        joules_per_audio_hour=estimate(2000),
    )
    assert power_w(training) == pytest.approx(200)


BLIND = OWNED.model_copy(update={"power_price_per_kwh": 0.30})
POWERED = BLIND.model_copy(update={"watts": 500.0})
UNKNOWN = "left out: no joules were measured, and the price list has no watts"


def test_energy_is_the_mean_power_of_the_measured_cases_where_there_are_any():
    # 200 W and 400 W: 0.3 kW x 0.30 = 0.09 an hour, beside 0.20.
    cases = [with_energy(100, 7200), with_energy(100, 14400, "nvml"), measured()]
    price = tariff("m", BLIND, cases, 1.0).price
    assert price.energy_per_busy_hour == pytest.approx(0.09)
    assert price.per_busy_hour == pytest.approx(0.29)
    assert price.energy_note == "measured: 300 W, the mean of 2 cases (nvml, rapl)"


@pytest.mark.parametrize("case", [measured(), with_energy(100, 7200)])
def test_the_buyers_watts_at_the_wall_go_before_joules_that_leave_parts_out(case):
    paid = tariff("m", POWERED, [case], 1.0)
    assert paid.price.energy_per_busy_hour == pytest.approx(0.15)  # 0.5 kW x 0.30
    assert paid.price.energy_note == "500 W at the wall, of the price list"
    assert paid.per_busy_hour(case) == pytest.approx(0.35)


def test_energy_that_nobody_knows_is_left_out_and_said_to_be():
    price = tariff("m", BLIND, [measured()], 1.0).price
    assert price.energy_per_busy_hour is None
    assert price.per_busy_hour == pytest.approx(0.2)
    assert price.energy_note == UNKNOWN


def test_what_the_list_says_of_a_machine_stands_at_its_price():
    machine = Machine(per_hour=1, description="2 x\x1b GPU", source="an offer")
    price = tariff("m", machine, (), 1.0).price
    assert (price.description, price.source) == ("2 x\ufffd GPU", "an offer")
    bare = tariff("m", Machine(per_hour=1), (), 1.0).price
    assert (bare.description, bare.source) == ("", "")


def test_energy_without_a_price_is_left_out_and_said_to_be():
    price = tariff("m", OWNED, [with_energy(100, 7200)], 1.0).price
    assert price.energy_per_busy_hour is None
    assert price.energy_note == ("left out: the price list has no power_price_per_kwh")


def test_a_case_is_charged_its_own_energy_and_else_its_candidates():
    charged = tariff("m", BLIND, [with_energy(100, 7200)], 0.5)
    assert charged.fixed_per_busy_hour == pytest.approx(0.4)
    own = with_energy(100, 36000)  # 1 kW
    assert charged.running_per_busy_hour(own) == pytest.approx(0.30)
    assert charged.per_busy_hour(own) == pytest.approx(0.70)
    assert charged.per_busy_hour(measured()) == pytest.approx(0.46)  # 200 W: 0.06


def test_a_rented_case_is_charged_the_rent_alone():
    charged = tariff("m", Machine(per_hour=0.34), [with_energy(100, 7200)], 0.5)
    assert charged.per_busy_hour(with_energy(100, 36000)) == 0.34


def test_the_shipped_list_has_the_documents_prices():
    machines = load_prices(SHIPPED).machines
    bought = {name: machine.purchase for name, machine in machines.items()}
    assert bought["Sys1$"] == 2605.29
    assert bought["Sys2$"] == 5699.95
    assert bought["Sys10$"] == 25999.00
    for name in ("Sys1$", "Sys2$", "Sys10$"):
        assert "October 2019" in machines[name].source
        assert machines[name].watts is None


def test_the_shipped_list_says_what_is_assumed_and_what_is_invented():
    text = SHIPPED.read_text()
    assert text.count("# our assumption") == 6
    assert "INVENTED" in text
    for name, machine in load_prices(SHIPPED).machines.items():
        if name.startswith("two-core-xeon"):
            assert "invented" in machine.description
            assert machine.source == "invented for the example"


def test_the_shipped_list_explains_every_key():
    header = SHIPPED.read_text().partition("\ncurrency =")[0]
    for key in ("currency", *Machine.model_fields):
        assert f"\n#   {key} " in header or f"\n# {key} " in header
