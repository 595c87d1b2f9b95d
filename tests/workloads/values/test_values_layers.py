"""The layer that is wrong is named, and no other."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from workloads.values.layers import MULTIPLYING, first_departing


class Garbage(nn.Conv1d):
    """As a wrong kernel: right in fp32, noise of the right scale in bf16."""

    def forward(self, x: Tensor) -> Tensor:
        found = super().forward(x)
        if x.dtype == torch.float32:
            return found
        noise = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
        return (noise * found.float().std()).to(found.dtype)


def network(second: type[nn.Conv1d] = nn.Conv1d) -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Conv1d(40, 24, 7), nn.ReLU(), second(24, 16, 5), nn.ReLU())
    return nn.Sequential(*layers, nn.Conv1d(16, 16, 3)).eval()


def features(dtype: torch.dtype) -> Tensor:
    return torch.randn(2, 40, 60, generator=torch.Generator().manual_seed(2)).to(dtype)


def test_the_guilty_layer_is_named_and_not_those_behind_it() -> None:
    model = network(Garbage).bfloat16()
    found = first_departing(model, lambda: model(features(torch.bfloat16)))
    assert found is not None
    assert found.name == "2"
    assert found.kind == "Garbage(24, 16, kernel_size=(5,), stride=(1,))"
    assert found.error > 1.0 > found.limit
    again = found.call()
    assert isinstance(again, Tensor)
    assert again.shape == (2, 16, 50)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layers_that_only_round_do_not_depart(dtype: torch.dtype) -> None:
    model = network().to(dtype)
    assert first_departing(model, lambda: model(features(dtype))) is None


def test_a_wrong_layer_under_autocast_is_found_too() -> None:
    model = network(GarbageUnderAutocast)

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            model(features(torch.float32))

    found = first_departing(model, run)
    assert found is not None
    assert found.name == "2"
    again = found.call()  # with the weights in fp32 and what it was given in bf16
    assert isinstance(again, Tensor)
    assert again.dtype == torch.bfloat16


class GarbageUnderAutocast(nn.Conv1d):
    def forward(self, x: Tensor) -> Tensor:
        found = super().forward(x)
        return -found if torch.is_autocast_enabled("cpu") else found


def test_a_recurrent_layer_is_judged_by_its_output() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.LSTM(16, 24, bidirectional=True)).bfloat16().eval()
    waves = torch.randn(50, 3, 16).bfloat16()
    assert first_departing(model, lambda: model(waves)) is None


def test_no_hook_stays_behind() -> None:
    model = network(Garbage).bfloat16()
    for _ in range(2):
        first_departing(model, lambda: model(features(torch.bfloat16)))
    assert not any(layer._forward_hooks for layer in model.modules())


def test_only_the_kinds_that_are_asked_for_are_judged() -> None:
    class Wrong(nn.ReLU):
        def forward(self, x: Tensor) -> Tensor:
            return -x if x.dtype == torch.bfloat16 else super().forward(x)

    model = nn.Sequential(nn.Conv1d(40, 16, 3), Wrong()).bfloat16().eval()
    run = lambda: model(features(torch.bfloat16))  # noqa: E731
    assert first_departing(model, run, MULTIPLYING) is None
    found = first_departing(model, run)
    assert found is not None
    assert found.name == "1"
