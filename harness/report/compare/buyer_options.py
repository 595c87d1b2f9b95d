"""A buyer's options on the command line: prices, limits, a load."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.core import ParameterSource

from harness.report.compare.terms import Terms

YEARS = 4.0
AT_MOST, AT_LEAST = "wer=25 or p99_ms=50", "si_sdr_improvement=6"  # examples
OF_PRICES = ("load", "years", "utilization_percent")


def buyer_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options on prices and limits; the command takes them as keywords."""
    for option in (
        click.option(
            "--prices",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="what machines cost: a file like results/prices.toml",
        ),
        click.option(
            "--utilization",
            "utilization_percent",
            default=100.0,
            show_default=True,
            metavar="PERCENT",
            help="how much of all hours an owned machine is busy",
        ),
        click.option(
            "--years",
            default=YEARS,
            show_default=True,
            help="what total costs run over",
        ),
        click.option(
            "--load",
            type=float,
            metavar="HOURS",
            help="hours of audio a day, for total costs",
        ),
        click.option(
            "--at-most",
            "limits",
            multiple=True,
            metavar="NAME=VALUE",
            help="a limit on what may serve: wer=25 (percent), p99_ms=50",
        ),
        click.option(
            "--at-least",
            multiple=True,
            metavar="NAME=VALUE",
            help="the same where higher is better: si_sdr_improvement=6 (dB)",
        ),
    )[::-1]:
        command = option(command)
    return command


def terms_of(chosen: dict[str, object]) -> Terms:
    """Limits are in the units of their metrics: see `Terms.as_recorded`."""
    percent, load, years = (chosen[n] for n in ("utilization_percent", "load", "years"))
    try:
        terms = Terms(
            utilization=percent / 100,  # type: ignore[operator]
            years=years,  # type: ignore[arg-type]
            load_audio_hours_per_day=load,  # type: ignore[arg-type]
            limits=_limits("--at-most", chosen["limits"], AT_MOST),  # type: ignore[arg-type]
            at_least=_limits("--at-least", chosen["at_least"], AT_LEAST),  # type: ignore[arg-type]
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if chosen["prices"] is None:
        _check_no_money()
    return terms


def _check_no_money() -> None:
    """Options on prices alone would do nothing without them."""
    context = click.get_current_context()
    for name in OF_PRICES:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "--" + name.removesuffix("_percent")
            raise click.UsageError(
                f"{option} does nothing without --prices: give a list of prices, such "
                "as results/prices.toml"
            )


def _limits(option: str, texts: Iterable[str], like: str) -> dict[str, float]:
    """
    >>> _limits("--at-most", ["wer=25", "p99_ms=50"], AT_MOST)
    {'wer': 25.0, 'p99_ms': 50.0}
    """
    limits = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name in limits:
            raise ValueError(f"{option} {text!r}: {name} has a limit already: give one")
        try:
            limits[name] = float(value)
        except ValueError:
            raise ValueError(
                f"{option} {text!r}: expected NAME=VALUE, such as {like}"
            ) from None
    return limits
