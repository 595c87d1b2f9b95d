"""The options of pytest that say what a run measures, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.profile import PROFILES


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("speechmark")
    _add_what(group)
    _add_how(group)


def _add_what(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--profile",
        default="quick",
        help=f"{', '.join(PROFILES)} (default: quick): how much work, how long",
    )
    group.addoption(
        "--hardware",
        action="append",
        metavar="HW",
        help="cpu (default), cpu:threads=1, cpu:isa=avx2, cuda:0, cuda:0,cuda:1 ...; "
        "give it again for more than one",
    )
    group.addoption(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="a corpus on disk (LibriSpeech's layout) instead of the built-in speech",
    )
    group.addoption(
        "--results",
        type=Path,
        default=Path("results/local"),
        metavar="DIR",
        help="where journal and result go (default: %(default)s)",
    )
    group.addoption(
        "--workload",
        action="append",
        type=Path,
        metavar="FILE.py",
        help="a file that declares WORKLOADS, to be measured beside the suite's own; "
        "give it again for more",
    )


def _add_how(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--resume",
        action="store_true",
        help="go on with the last unfinished run in the results folder",
    )
    group.addoption(
        "--seed",
        type=int,
        default=0,
        help="of training and of drawn batches (default: 0)",
    )
    group.addoption(
        "--accuracy",
        choices=("kept", "anew"),
        help="take the accuracies that earlier runs here measured on the very weights, "
        "data, code, libraries and kernels, or measure each anew (default: kept in "
        "quick, anew in all others)",
    )
    group.addoption(
        "--env",
        action="append",
        metavar="NAME=VALUE",
        help="pass a variable to the workers, which inherit few; it stands in each "
        "record, and makes it other work than without; give it again for more",
    )
