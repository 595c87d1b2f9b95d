import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune as torch_prune

from workloads.compression.pruning.criteria import Pruning
from workloads.compression.pruning.groups import ChannelGroup, inputs, outputs
from workloads.compression.pruning.importance import PruningChoice
from workloads.compression.pruning.masks import (
    SkippedLayer,
    apply_masks,
    left,
    make_permanent,
    masks,
    prunable_weights,
)
from workloads.compression.step import CompressionError

L1 = PruningChoice(Pruning("l1", False, 50))


def linear(weights, bias=None):
    weights = torch.tensor(weights)
    layer = nn.Linear(weights.shape[1], weights.shape[0])
    layer.weight.data = weights
    layer.bias.data = torch.ones(len(weights)) if bias is None else torch.tensor(bias)
    return layer


def zeros_of(model, recipe, percent):
    """How many weights of each tensor are zero once masks are permanent."""
    chosen = masks(model, recipe, percent)
    apply_masks(model, chosen)
    make_permanent(model, chosen)
    return {name: int((w == 0).sum()) for name, w in prunable_weights(model)}


def test_the_smallest_weights_go_and_the_others_stay():
    layer = linear([[0.1, -3.0], [-0.2, 2.0]])
    assert masks(layer, L1, 50)["weight"].tolist() == [[0, 1], [0, 1]]


def test_zeros_have_no_sign():
    layer = linear([[-0.1, -3.0], [0.2, 2.0]])
    zeros_of(layer, L1, 50)
    assert layer.weight.detach().numpy().tobytes().count(b"\x00\x00\x00\x80") == 0
    assert layer.weight[0, 0] == 0


@pytest.mark.parametrize(
    ("percent", "zeros"), [(1, 1), (20, 21), (33.3, 35), (99, 104)]
)
@pytest.mark.parametrize("criterion", ["random", "l1", "gradient"])
def test_the_count_is_exact(criterion, percent, zeros):
    layer = nn.Conv2d(5, 3, (7, 1))  # 105 weights
    recipe = PruningChoice(Pruning(criterion, False, 50), gradients=gradients_of_ones)
    assert zeros_of(layer, recipe, percent) == {"weight": zeros}


def gradients_of_ones(model):
    return {name: torch.ones_like(p) for name, p in model.named_parameters()}


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-30, 2.0]), min_size=1),
    percent=st.integers(1, 99),
    criterion=st.sampled_from(["random", "l1", "gradient"]),
)
def test_the_count_is_exact_among_equals_and_zeros(values, percent, criterion):
    recipe = PruningChoice(Pruning(criterion, False, 50), gradients=gradients_of_ones)
    wanted = round(percent * len(values) / 100)
    before = values.count(0)
    found = zeros_of(linear([values]), recipe, percent)["weight"]
    assert found == max(wanted, before)


def test_of_equal_weights_the_first_ones_go():
    layer = linear([[1.0, -1.0, 1.0, -1.0]])
    assert masks(layer, L1, 50)["weight"].tolist() == [[0, 0, 1, 1]]


def test_weights_that_are_zero_go_first_whatever_their_gradients():
    layer = linear([[0.0, 5.0, 6.0, 0.0]])
    recipe = PruningChoice(
        Pruning("gradient", False, 50),
        gradients=lambda m: {"weight": torch.tensor([[9.0, 1.0, 2.0, 9.0]])},
    )
    assert masks(layer, recipe, 50)["weight"].tolist() == [[0, 1, 1, 0]]
    assert masks(layer, recipe, 75)["weight"].tolist() == [[0, 0, 1, 0]]


def test_gradients_decide_against_magnitudes():
    layer = linear([[1.0, 2.0, 3.0, 4.0]])
    recipe = PruningChoice(
        Pruning("gradient", False, 50),
        gradients=lambda m: {"weight": torch.tensor([[4.0, -3.0, 2.0, 1.0]])},
    )
    assert masks(layer, recipe, 50)["weight"].tolist() == [[1, 1, 0, 0]]


def test_random_masks_depend_on_the_seed():
    layer = nn.Linear(32, 32)

    def of(seed):
        recipe = PruningChoice(Pruning("random", False, 50), seed=seed)
        return masks(layer, recipe, 50)["weight"]

    assert torch.equal(of(1), of(1))
    assert not torch.equal(of(1), of(2))


def test_it_agrees_with_torchs_own():
    layer = nn.Conv1d(6, 7, 5)
    reference = torch_prune.L1Unstructured(0.3).prune(layer.weight.detach())
    expected = (reference != 0).float()
    assert torch.equal(masks(layer, L1, 30)["weight"], expected)


def test_each_tensor_is_pruned_on_its_own_and_biases_stay():
    model = nn.Sequential(linear([[0.01, 0.02]], [0.0]), linear([[8.0], [9.0]]))
    assert zeros_of(model, L1, 50) == {"0.weight": 1, "1.weight": 1}
    assert model[1].bias.tolist() == [1, 1]


@pytest.mark.parametrize("percent", [-1, 0, 100, 101, float("nan")])
def test_a_percentage_outside_is_refused(percent):
    with pytest.raises(ValueError, match=f"'prune-l1-structured-{percent}': give"):
        Pruning("l1", True, percent)


def test_weights_that_are_not_finite_are_refused():
    with pytest.raises(
        CompressionError, match="weight holds weights that are not finite"
    ):
        masks(linear([[1.0, float("nan")]]), L1, 50)


def test_gradients_that_are_not_finite_are_refused():
    recipe = PruningChoice(
        Pruning("gradient", False, 50),
        gradients=lambda m: {"weight": torch.tensor([[1.0, float("inf")]])},
    )
    with pytest.raises(
        CompressionError, match="weight holds gradients that are not finite"
    ):
        masks(linear([[1.0, 2.0]]), recipe, 50)


def test_masks_hold_while_the_other_weights_are_trained():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 1))
    chosen = masks(model, L1, 50)
    before = model[0].weight.detach().clone()
    apply_masks(model, chosen)
    optimizer = torch.optim.AdamW(model.parameters(), 0.1, weight_decay=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(4, 6)).square().mean().backward()
        optimizer.step()
    make_permanent(model, chosen)
    stayed = chosen["0.weight"] == 1
    assert torch.equal(model[0].weight != 0, stayed)
    assert (model[0].weight != before)[stayed].all()
    assert not torch_prune.is_pruned(model)


@pytest.fixture
def lstm():
    torch.manual_seed(0)
    return nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)


def test_masks_of_an_lstm_are_seen_by_its_forward_pass(lstm):
    x = torch.randn(2, 5, 3)
    chosen = masks(lstm, L1, 50)
    assert len(chosen) == 8  # two weights of two layers in two directions
    by_hand = nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True)
    by_hand.load_state_dict(
        {n: t * chosen.get(n, torch.ones(())) for n, t in lstm.state_dict().items()}
    )
    unmasked = lstm(x)[0]
    apply_masks(lstm, chosen)
    assert torch.equal(lstm(x)[0], by_hand(x)[0])
    assert not torch.equal(lstm(x)[0], unmasked)
    make_permanent(lstm, chosen)
    assert torch.equal(lstm(x)[0], by_hand(x)[0])


def test_masks_of_an_lstm_hold_while_it_is_trained(lstm):
    chosen = masks(lstm, L1, 50)
    apply_masks(lstm, chosen)
    optimizer = torch.optim.SGD(lstm.parameters(), 10.0)
    outputs_seen = []
    for _ in range(3):
        output = lstm(torch.ones(1, 5, 3))[0]
        outputs_seen.append(output.detach())
        optimizer.zero_grad()
        output.sum().backward()
        optimizer.step()
    make_permanent(lstm, chosen)
    assert not torch.equal(outputs_seen[0], outputs_seen[1])  # it was trained
    for name, mask in chosen.items():
        assert torch.equal(lstm.get_parameter(name) != 0, mask == 1)


def test_a_trained_lstm_can_be_trained_on_after_its_masks_were_taken_away(lstm):
    chosen = masks(lstm, L1, 50)
    apply_masks(lstm, chosen)
    make_permanent(lstm, chosen)
    before = lstm(torch.ones(1, 5, 3))[0].detach()
    with torch.no_grad():
        for parameter in lstm.parameters():
            parameter += 1
    assert not torch.allclose(lstm(torch.ones(1, 5, 3))[0], before)


ROWS = [[3.0, 0.0], [0.0, 7.0], [3.0, 3.0]]
GROUP = ChannelGroup("between", 3, (*outputs("0"), inputs("1")))


def channels_of(criterion, percent, rows=ROWS, **needs):
    model = nn.Sequential(linear(rows), linear([[1.0] * len(rows)]))
    group = ChannelGroup("between", len(rows), GROUP.members)
    recipe = PruningChoice(Pruning(criterion, True, 50), (group,), **needs)
    return masks(model, recipe, percent)


def test_rows_and_biases_of_a_channel_go_and_columns_stay():
    found = channels_of("l1", 34)
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "0.weight": [[0, 0], [1, 1], [1, 1]],
        "0.bias": [0, 1, 1],
    }


@pytest.mark.parametrize(("criterion", "kept"), [("l1", [1, 0, 1]), ("l2", [0, 1, 1])])
def test_norms_order_channels_differently(criterion, kept):
    rows = [[3.0, 3.0], [5.0, 0.0], [9.0, 9.0]]  # L1 6, 5, 18; L2 4.2, 5, 12.7
    assert channels_of(criterion, 34, rows)["0.bias"].tolist() == kept


def test_gradients_choose_channels():
    gradients = {
        "0.weight": torch.tensor([[9.0, 9.0], [1.0, -1.0], [2.0, 2.0]]),
        "0.bias": torch.zeros(3),
        "1.weight": torch.zeros(1, 3),
    }
    found = channels_of("gradient", 34, gradients=lambda model: gradients)
    assert found["0.bias"].tolist() == [1, 0, 1]


def test_random_channels_depend_on_the_seed():
    rows = [[1.0, 1.0]] * 16

    def of(seed):
        return channels_of("random", 50, rows, seed=seed)["0.bias"].tolist()

    assert of(1) == of(1)
    assert of(1) != of(2)
    assert sum(of(1)) == 8


@pytest.mark.parametrize(
    ("percent", "stay"), [(1, 10), (10, 9), (14, 9), (16, 8), (90, 1), (99, 1)]
)
def test_channels_are_rounded_and_one_stays(percent, stay):
    rows = torch.randn(10, 2).tolist()
    assert int(channels_of("l1", percent, rows)["0.bias"].sum()) == stay


def test_channels_that_are_zero_go_first():
    model = nn.Sequential(linear(ROWS), linear([[1.0, 1.0, 1.0]]))
    model[0].weight.data[1] = 0
    model[0].bias.data[1] = 0
    gradients = {"0.weight": torch.tensor([[1.0, 1.0], [9.0, 9.0], [1.0, 1.0]])}
    recipe = PruningChoice(
        Pruning("gradient", True, 50), (GROUP,), lambda model: gradients
    )
    assert masks(model, recipe, 34)["0.bias"].tolist() == [1, 0, 1]


def test_structured_pruning_without_groups_is_refused():
    with pytest.raises(ValueError, match="no groups of channels are given"):
        masks(nn.Linear(2, 2), PruningChoice(Pruning("l2", True, 50)), 50)


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.gru = nn.GRU(4, 4)
        self.norm = nn.LayerNorm(4)
        self.up = nn.ConvTranspose1d(4, 1, 3)


def test_what_cannot_be_pruned_is_listed_with_its_reason():
    model = Mixed()
    only = "only Linear, Conv1d, Conv2d, ConvTranspose1d, LSTM are pruned"
    past = "nn.MultiheadAttention reads weights past the hook that masks them"
    assert left(model, L1) == (
        SkippedLayer("embedding", "Embedding", only),
        SkippedLayer("attention", "MultiheadAttention", past),
        SkippedLayer("attention.out_proj", "NonDynamicallyQuantizableLinear", past),
        SkippedLayer("gru", "GRU", only),
    )
    assert [name for name, _ in prunable_weights(model)] == ["up.weight"]


def test_layers_outside_all_groups_are_listed_with_their_reason():
    model = nn.Sequential(
        nn.Linear(2, 3), nn.Linear(3, 1), nn.ConvTranspose1d(3, 1, 2), nn.PReLU()
    )
    assert left(model, PruningChoice(Pruning("l1", True, 50), (GROUP,))) == (
        SkippedLayer("1", "Linear", "no group of channels holds its outputs"),
        SkippedLayer(
            "2", "ConvTranspose1d", "it has one output channel, which must stay"
        ),
    )
