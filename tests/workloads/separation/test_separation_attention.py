import torch
from torch import nn

from workloads.separation.attention import SelfAttention


def attention(channels=6, heads=3, head_dim=2, scale=None):
    torch.manual_seed(0)
    layer = SelfAttention(channels, heads, head_dim, scale)
    nn.init.normal_(layer.in_proj.bias)
    return layer


def sequences(channels=6):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 5, channels, generator=generator)


def test_it_agrees_with_torch_of_the_same_weights():
    layer = attention()
    reference = nn.MultiheadAttention(6, 3, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(layer.in_proj.weight)
        reference.in_proj_bias.copy_(layer.in_proj.bias)
        reference.out_proj.load_state_dict(layer.out_proj.state_dict())
    x = sequences()
    expected, _ = reference(x, x, x, need_weights=False)
    torch.testing.assert_close(layer(x), expected)
    assert sum(p.numel() for p in layer.parameters()) == sum(
        p.numel() for p in reference.parameters()
    )


def test_heads_scale_by_their_width_unless_told_otherwise():
    assert attention(6, 2, 4).scale == 0.5
    assert attention(6, 2, 4, scale=0.3).scale == 0.3


def test_a_scale_of_zero_means_over_the_values():
    """Every weight is then the same: softmax of zeros."""
    layer, x = attention(scale=0.0), sequences()
    values = layer.in_proj(x)[:, :, 12:]
    expected = layer.out_proj(values.mean(1, keepdim=True)).expand(2, 5, 6)
    torch.testing.assert_close(layer(x), expected)
    assert (attention()(x) - expected).abs().max() > 0.01


def test_heads_may_have_any_width():
    layer = attention(channels=6, heads=2, head_dim=5)
    assert layer.head_dim == 5
    assert layer.in_proj.weight.shape == (30, 6)
    assert layer(sequences()).shape == (2, 5, 6)


def test_a_head_without_its_channels_of_zeros_computes_the_same():
    whole = attention(channels=6, heads=2, head_dim=3)
    thin = attention(channels=6, heads=2, head_dim=2, scale=whole.scale)
    gone = torch.tensor([1, 4])  # the middle one of each head
    stay = torch.tensor([0, 2, 3, 5])
    rows = torch.cat([stay + 6 * part for part in range(3)])
    with torch.no_grad():
        for part in range(3):
            whole.in_proj.weight[gone + 6 * part] = 0
            whole.in_proj.bias[gone + 6 * part] = 0
        thin.in_proj.weight.copy_(whole.in_proj.weight[rows])
        thin.in_proj.bias.copy_(whole.in_proj.bias[rows])
        thin.out_proj.weight.copy_(whole.out_proj.weight[:, stay])
        thin.out_proj.bias.copy_(whole.out_proj.bias)
    torch.testing.assert_close(thin(sequences()), whole(sequences()))


def test_the_order_of_a_sequence_does_not_matter():
    layer, x = attention(), sequences()
    torch.testing.assert_close(layer(x.flip(1)), layer(x).flip(1))


def test_sequences_do_not_hear_each_other():
    layer, x = attention(), sequences()
    torch.testing.assert_close(layer(x)[:1], layer(x[:1]))
