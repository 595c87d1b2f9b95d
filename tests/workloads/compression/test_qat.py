"""Quantization-aware training: the arithmetic of int8-static, and what it leaves."""

import copy

import onnxruntime
import pytest
import torch
from processors import needs_whole_sums
from torch import nn

from workloads.compression.known import parse
from workloads.compression.qat import simulated_int8
from workloads.compression.quantization import quantize


@pytest.fixture
def model(tiny):
    return copy.deepcopy(tiny)


@pytest.fixture(scope="module")
def features():
    """(4, 100, 8) without outliers: an average of ranges is no narrower than they."""
    noise = torch.Generator().manual_seed(1)
    return torch.randn(4, 100, 8, generator=noise).clamp(-2.5, 2.5)


def hear(model, features):
    """Let ranges be those of these features, without dropout and without learning."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    with torch.no_grad():
        model(features)
    model.eval()


def difference(a, b):
    return ((a - b).norm() / b.norm()).item()


@needs_whole_sums
def test_outputs_are_as_far_from_fp32_as_those_of_the_static_model(
    model, tiny_onnx, features, tmp_path
):
    """And close to them: other ranges round other numbers up."""
    path, utterances = tmp_path / "static.onnx", list(features.numpy())
    quantize(tiny_onnx, path, parse("int8-static"), utterances)
    session = onnxruntime.InferenceSession(path)
    static = torch.from_numpy(session.run(None, {"features": features.numpy()})[0])
    with torch.no_grad():
        plain = model(features)
        with simulated_int8(model):
            hear(model, features)
            simulated = model(features)
    assert 0.005 < difference(static, plain) < 0.02
    assert difference(simulated, plain) == pytest.approx(
        difference(static, plain), rel=0.3
    )
    assert difference(simulated, static) < 0.02


def test_weights_are_symmetric_int8_with_a_scale_for_each_channel(model):
    layer = model.layers[0]
    plain = layer.weight.detach().clone()
    plain[3] *= 100  # a channel that is louder than the others
    layer.weight.data = plain.clone()
    with simulated_int8(model), torch.no_grad():
        rounded = layer.weight.detach()
        scales = layer.parametrizations.weight[0].scale[:, None, None]
    # torch has another half of a step at the ends: 126.5 or 127.5 instead of 127.
    expected = plain.abs().amax(dim=(1, 2), keepdim=True) / 127
    torch.testing.assert_close(scales, expected, rtol=0.005, atol=0)
    whole = rounded / scales
    torch.testing.assert_close(whole, whole.round(), atol=1e-3, rtol=0)
    assert whole.abs().max().round().item() == 127
    assert ((rounded - plain).abs() <= 0.501 * scales).all()


def test_inputs_of_a_layer_have_256_values_at_most(model, unseen):
    read = []
    with simulated_int8(model):
        hook = model.layers[3].register_forward_hook(lambda _, x, y: read.append(x[0]))
        with torch.no_grad():
            model.train()(torch.from_numpy(unseen))
    hook.remove()
    (inputs,) = read
    values = inputs.unique()
    assert 16 < len(values) <= 256
    steps = values / values[values > 0].min()
    torch.testing.assert_close(steps, steps.round(), atol=1e-2, rtol=0)


def test_gradients_pass_the_rounding(model, unseen):
    with simulated_int8(model):
        model.train()(torch.from_numpy(unseen)).square().mean().backward()
        gradients = [p.grad for p in model.parameters()]
    assert len(gradients) == 12
    assert all(g is not None and g.abs().sum() > 0 for g in gradients)


def test_a_model_so_trained_keeps_what_it_learnt_in_plain_weights(model, tiny, unseen):
    features = torch.from_numpy(unseen)
    losses = []
    with simulated_int8(model):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        for _ in range(30):
            loss = -model.train()(features)[:, :, 2].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    state, before = model.state_dict(), tiny.state_dict()
    assert state.keys() == before.keys()
    assert all(not state[name].equal(before[name]) for name in state)
    assert all(type(p) is nn.Parameter for p in model.parameters())
    scales = state["layers.0.weight"] / state["layers.0.weight"].abs().max() * 127
    assert not torch.allclose(scales, scales.round(), atol=1e-2)  # not the rounded ones
    with torch.no_grad():
        assert -model.eval()(features)[:, :, 2].mean() < 0.7 * losses[0]


def test_outside_nothing_is_rounded(model, tiny, unseen):
    features = torch.from_numpy(unseen)
    with simulated_int8(model):
        model(features)
    with torch.no_grad():
        torch.testing.assert_close(model(features), tiny(features), atol=0, rtol=0)


def test_an_error_within_leaves_a_plain_model(model, tiny, unseen):
    def interrupted():
        with simulated_int8(model):
            model.train()(torch.from_numpy(unseen))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert model.state_dict().keys() == tiny.state_dict().keys()
    features = torch.from_numpy(unseen)
    with torch.no_grad():
        assert model.eval()(features).equal(tiny(features))


def test_evaluation_does_not_move_the_ranges_of_inputs(model, features):
    with simulated_int8(model), torch.no_grad():
        hear(model, features)
        before = model(features)
        model(100 * features)
        assert model(features).equal(before)
        model.train()
        for _ in range(5):
            model(100 * features)
        assert not model.eval()(features).equal(before)


def test_dense_layers_are_simulated_too(unseen):
    torch.manual_seed(0)
    model, features = nn.Sequential(nn.Linear(8, 16)), torch.from_numpy(unseen)
    with torch.no_grad():
        plain = model(features)
        with simulated_int8(model):
            rounded = model.train()(features)
    assert 1e-4 < difference(rounded, plain) < 0.1


def test_convolutions_over_two_axes_are_simulated_too(unseen):
    torch.manual_seed(0)
    model, features = nn.Conv2d(1, 4, 3), torch.from_numpy(unseen)[:, None]
    with torch.no_grad():
        plain = model(features)
        with simulated_int8(model):
            rounded = model.train()(features)
    assert 1e-4 < difference(rounded, plain) < 0.1


def test_recurrent_layers_and_norms_are_not_simulated():
    parts = {"conv": nn.Conv1d(4, 4, 1), "lstm": nn.LSTM(4, 4), "norm": nn.PReLU()}
    model = nn.ModuleDict({**parts, "up": nn.ConvTranspose1d(4, 1, 2)})
    with simulated_int8(model):
        rounded = {
            n for n, m in model.named_children() if hasattr(m, "parametrizations")
        }
    assert rounded == {"conv"}


def test_a_model_without_a_layer_to_quantize_is_refused():
    with (
        pytest.raises(ValueError, match="no Conv1d or Conv2d or Linear in ReLU"),
        simulated_int8(nn.ReLU()),
    ):
        pass
