"""Back-ends beside plain forms on copied weights, and what they count."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.compression.factorization.factorize import factorize
from workloads.compression.pruning.prune import prune
from workloads.compression.pruning.shrink import shrink
from workloads.compression.steps.prune import Prune
from workloads.spoof.backends.ecapa_tdnn import EcapaTdnn
from workloads.spoof.backends.layers import TdnnLayer, moments
from workloads.spoof.backends.x_vector import XVector
from workloads.spoof.channels import channel_groups
from workloads.spoof.model import OfSamples, SpoofDetector, head
from workloads.spoof.sizes import (
    ECAPA_SMALL,
    ECAPA_TDNN,
    SIZES,
    X_VECTOR,
    X_VECTOR_SMALL,
    Backend,
)
from workloads.spoof.task import SPOOF
from workloads.task import parameters_of

BACKENDS = [X_VECTOR_SMALL, ECAPA_SMALL]


def settled(model: nn.Module, seed: int = 0) -> nn.Module:
    """With norms that have seen something."""
    generator = torch.Generator().manual_seed(seed)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low in (
                (norm.weight.data, 0.5),
                (norm.bias.data, -0.5),
                (norm.running_mean, -0.5),
                (norm.running_var, 0.5),
            ):
                assert tensor is not None
                tensor.copy_(low + torch.rand(tensor.shape, generator=generator))
    return model.eval()


def made(backend: Backend) -> nn.Module:
    torch.manual_seed(0)
    is_x_vector = "x-vector" in backend.name
    return settled(XVector(backend) if is_x_vector else EcapaTdnn(backend))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("backend", "count"), [(X_VECTOR, 4_515_988), (ECAPA_TDNN, 6_288_320)]
)
def test_each_has_as_many_parameters_as_published(backend: Backend, count: int) -> None:
    with torch.device("meta"):
        assert (
            parameters_of(SpoofDetector(SIZES[f"fbank+{backend.name}"]).backend)
            == count
        )
        assert parameters_of(head(backend)) == 133_121


def features(batch: int = 3, frames: int = 50) -> Tensor:
    return torch.randn(batch, 40, frames, generator=torch.Generator().manual_seed(1))


def tdnn(layer: TdnnLayer, x: Tensor, kernel: int = 1, dilation: int = 1) -> Tensor:
    """Of (B, C, T)."""
    conv, norm = layer.conv, layer.norm
    padding = dilation * (kernel - 1) // 2
    x = F.conv1d(x, conv.weight, conv.bias, 1, padding, dilation).clamp(min=0)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    x = (x - norm.running_mean[:, None]) / (norm.running_var[:, None] + norm.eps).sqrt()
    return x * norm.weight[:, None] + norm.bias[:, None]


def statistics(x: Tensor) -> Tensor:
    return torch.cat([x.mean(2), x.std(2, unbiased=False)], 1)


def plain_x_vector(model: XVector, x: Tensor) -> Tensor:
    for layer, kernel, dilation in zip(
        model.layers, (5, 3, 3, 1, 1), (1, 2, 3, 1, 1), strict=True
    ):
        x = tdnn(layer, x, kernel, dilation)
    return model.embedding(statistics(x))


def plain_ecapa(model: EcapaTdnn, x: Tensor) -> Tensor:
    x = tdnn(model.first, x, 5)
    outputs = []
    for block, dilation in zip(model.blocks, (2, 3, 4), strict=True):
        parts = tdnn(block.expand, x).chunk(len(block.parts.layers) + 1, 1)
        found = [parts[0]]
        for number, layer in enumerate(block.parts.layers):
            given = parts[number + 1] + (found[-1] if number else 0)
            found.append(tdnn(layer, given, 3, dilation))
        merged = tdnn(block.merge, torch.cat(found, 1))
        gain = block.excite(block.squeeze(merged.mean(2)).clamp(min=0)).sigmoid()
        x = x + merged * gain[:, :, None]
        outputs.append(x)
    x = tdnn(model.aggregate, torch.cat(outputs, 1))
    pool, frames = model.pool, x.shape[2]
    around = torch.cat([x, statistics(x)[:, :, None].expand(-1, -1, frames)], 1)
    weight = torch.cat([pool.of_frame.weight[:, :, 0], pool.of_utterance.weight], 1)
    hidden = F.conv1d(around, weight[:, :, None], pool.of_frame.bias).clamp(min=0)
    norm = pool.norm
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    hidden = (hidden - norm.running_mean[:, None]) * scale[:, None] + norm.bias[:, None]
    weights = F.conv1d(hidden.tanh(), pool.weigh.weight, pool.weigh.bias).softmax(2)
    mean = (x * weights).sum(2)
    deviation = ((x - mean[:, :, None]).square() * weights).sum(2).sqrt()
    return model.embedding(model.norm(torch.cat([mean, deviation], 1)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_equals_its_plain_form(backend: Backend) -> None:
    model, x = made(backend).double(), features().double()
    plain = plain_x_vector if isinstance(model, XVector) else plain_ecapa
    with torch.no_grad():
        found, expected = model(x.unsqueeze(2)), plain(model, x)  # type: ignore[arg-type]
    assert found.shape == (3, 32)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_frames_may_lie_either_way_in_memory() -> None:
    model, x = made(ECAPA_SMALL), features().unsqueeze(2)
    beside = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    with torch.no_grad():
        torch.testing.assert_close(model(beside), model(x), atol=1e-5, rtol=1e-5)


def test_moments_are_mean_and_deviation() -> None:
    x = features().unsqueeze(2)
    torch.testing.assert_close(
        moments(x), statistics(x.squeeze(2)), atol=1e-6, rtol=1e-5
    )
    constant = moments(torch.ones(1, 2, 1, 5))
    torch.testing.assert_close(constant, torch.tensor([[1.0, 1.0, 1e-6, 1e-6]]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_shrunk_detector_computes_what_the_pruned_one_does(backend: Backend) -> None:
    torch.manual_seed(0)
    model = settled(SpoofDetector(SIZES[f"fbank+{backend.name}"]))
    pruned = prune(model, Prune("l1", True, 30).choice(SPOOF, model, ()))
    small = shrink(pruned, channel_groups(pruned))
    assert parameters_of(small) < 0.75 * parameters_of(model)
    waves = 0.1 * torch.randn(2, 8_000, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(small(waves), pruned(waves), atol=1e-4, rtol=1e-4)
        assert not torch.allclose(small(waves), model(waves), atol=1e-3)


def test_a_head_of_low_rank_computes_too() -> None:
    model = SpoofDetector(SIZES["fbank+x-vector-small"]).eval()
    factorized = factorize(model, "tsvd", 30).model
    assert factorized(torch.zeros(1, 8_000)).shape == (1, 1)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_moments_of_half_precision_are_of_fp32(kind: torch.dtype) -> None:
    """The variance of large numbers that differ little, and of a constant."""
    x = (100 + torch.arange(8.0)).view(1, 1, 1, 8).to(kind)
    expected = statistics(x.squeeze(2).float())
    torch.testing.assert_close(moments(x).float(), expected, atol=0, rtol=0.01)
    flat = torch.full((1, 1, 1, 4), 3.0, dtype=kind, requires_grad=True)
    moments(flat).sum().backward()
    assert flat.grad is not None
    assert flat.grad.isfinite().all()


def test_channels_of_another_model_are_not_known() -> None:
    with pytest.raises(ValueError, match="channels of a Linear are not known"):
        channel_groups(nn.Linear(2, 2))


def test_half_precision_is_the_back_ends_alone() -> None:
    torch.manual_seed(0)
    model = OfSamples(SpoofDetector(SIZES["fbank+ecapa-small"])).eval()
    waves = 0.1 * torch.randn(2, 8_000, 1, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = model(waves)
        found = model.bfloat16()(waves)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=0.05, rtol=0.05)
