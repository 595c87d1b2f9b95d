"""Front-ends by their names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from workloads.spoof.frontends.cqt import ConstantQ
from workloads.spoof.frontends.frontend import Frontend
from workloads.spoof.frontends.leaf import Leaf
from workloads.spoof.frontends.sincnet import SincNet
from workloads.spoof.frontends.spectral import FastAudio, Fbank, NnAudio
from workloads.spoof.frontends.td_filterbanks import TdFilterbanks

MAKERS: dict[str, Callable[[], Frontend]] = {
    "cqt": ConstantQ,
    "fbank": Fbank,
    "fastaudio-tri": partial(FastAudio, "triangle"),
    "fastaudio-gauss": partial(FastAudio, "gaussian"),
    "fastaudio-sort": partial(FastAudio, "triangle", is_sorted=True),
    "leaf": Leaf,
    "nnaudio": NnAudio,
    "td-filterbanks": TdFilterbanks,
    "sincnet": SincNet,
}
