import pytest
import torch
from torch import nn

from workloads.compression.pruning.criteria import Pruning
from workloads.compression.pruning.groups import (
    ChannelGroup,
    inputs,
    lstm_cells,
    outputs,
)
from workloads.compression.pruning.importance import PruningChoice
from workloads.compression.pruning.prune import prune
from workloads.compression.pruning.shrink import shrink


def group_of(*members, channels=6, name="channels", alike=""):
    return ChannelGroup(name, channels, tuple(members), alike)


def convolutions():
    """A convolution, a depth-wise one, and a transposed one."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(2, 6, 3),
        nn.ReLU(),
        nn.Conv1d(6, 6, 3, groups=6),
        nn.ReLU(),
        nn.ConvTranspose1d(6, 2, 3),
    )


CONVOLUTIONS = group_of(*outputs("0"), *outputs("2"), inputs("4", axis=0))


def test_zero_channels_are_taken_out_of_every_layer():
    pruned = prune(
        convolutions(), PruningChoice(Pruning("l1", True, 50), (CONVOLUTIONS,))
    )
    small = shrink(pruned, [CONVOLUTIONS])
    shapes = {name: tuple(p.shape) for name, p in small.named_parameters()}
    assert shapes == {
        "0.weight": (3, 2, 3),
        "0.bias": (3,),
        "2.weight": (3, 1, 3),
        "2.bias": (3,),
        "4.weight": (3, 2, 3),
        "4.bias": (2,),
    }
    numbers = [(c.in_channels, c.out_channels, c.groups) for c in small[::2]]
    assert numbers == [(2, 3, 1), (3, 3, 3), (3, 2, 1)]
    x = torch.randn(2, 2, 20)
    torch.testing.assert_close(small(x), pruned(x))


def test_what_a_batch_norm_has_seen_of_a_channel_goes_with_it():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.Flatten(2), nn.Conv1d(6, 2, 1)
    )
    model[1].running_mean.uniform_(-1, 1)
    model[1].running_var.uniform_(0.5, 2)
    group = group_of(*outputs("0"), *outputs("1"), inputs("3"))
    pruned = prune(model.eval(), PruningChoice(Pruning("l1", True, 50), (group,)))
    small = shrink(pruned, [group])
    assert small[1].num_features == len(small[1].running_var) == 3
    x = torch.randn(2, 2, 5, 5)
    torch.testing.assert_close(small(x), pruned(x))


def test_the_model_given_stays_as_it_is():
    pruned = prune(
        convolutions(), PruningChoice(Pruning("l1", True, 50), (CONVOLUTIONS,))
    )
    shrink(pruned, [CONVOLUTIONS])
    assert pruned[0].weight.shape == (6, 2, 3)


def test_a_model_without_zeros_keeps_its_size():
    small = shrink(convolutions(), [CONVOLUTIONS])
    assert small[0].weight.shape == (6, 2, 3)


def test_a_model_whose_channels_are_all_zero_keeps_one():
    model = convolutions()
    for parameter in model[:4].parameters():
        nn.init.zeros_(parameter)
    small = shrink(model, [CONVOLUTIONS])
    assert small[0].out_channels == 1
    x = torch.randn(1, 2, 20)
    torch.testing.assert_close(small(x), model(x))


def test_weights_read_back_into_the_dense_model_shrink_alike():
    pruned = prune(
        convolutions(), PruningChoice(Pruning("l2", True, 30), (CONVOLUTIONS,))
    )
    again = convolutions()
    again.load_state_dict(pruned.state_dict())
    first, second = (shrink(m, [CONVOLUTIONS]) for m in (pruned, again))
    assert all(map(torch.equal, first.parameters(), second.parameters()))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.lstm = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(8, 2)

    def forward(self, x):
        return self.linear(self.lstm(x)[0])


def directions(alike):
    return [
        group_of(
            *lstm_cells("lstm", 4, 0, way),
            inputs("linear", offsets=(offset,)),
            channels=4,
            name=f"cells{way}",
            alike=alike,
        )
        for way, offset in (("", 0), ("_reverse", 4))
    ]


def test_an_lstm_loses_cells_and_can_still_be_trained():
    groups = directions("lstm")
    pruned = prune(Recurrent(), PruningChoice(Pruning("l1", True, 50), tuple(groups)))
    small = shrink(pruned, groups)
    assert (small.lstm.input_size, small.lstm.hidden_size) == (3, 2)
    assert small.linear.in_features == 4
    x = torch.randn(2, 7, 3)
    torch.testing.assert_close(small(x), pruned(x))
    small(x).sum().backward()
    assert all(p.grad is not None for p in small.parameters())


def test_groups_that_must_stay_alike_lose_what_the_least_pruned_one_does():
    model = Recurrent()
    with torch.no_grad():
        for name, parameter in model.lstm.named_parameters():
            gone = [0, 1] if name.endswith("reverse") else [3]
            for cell in gone:
                parameter[cell::4] = 0
    small = shrink(model, directions("lstm"))
    assert small.lstm.hidden_size == 3
    x = torch.randn(2, 7, 3)
    torch.testing.assert_close(small(x), model(x))


def test_a_group_of_another_model_is_refused():
    with pytest.raises(ValueError, match="group channels does not fit the model"):
        shrink(nn.Linear(2, 2), [CONVOLUTIONS])


def zero_first(model, layer):
    model.get_parameter(f"{layer}.weight").data[0] = 0
    model.get_parameter(f"{layer}.bias").data[0] = 0
    return model


def test_a_layer_whose_numbers_nobody_knows_is_refused():
    model = zero_first(nn.Sequential(nn.Conv1d(2, 6, 3), nn.GroupNorm(2, 6)), "0")
    group = group_of(*outputs("0"), inputs("1", axis=0))
    with pytest.raises(ValueError, match="1 is a GroupNorm, whose channels cannot be"):
        shrink(model, [group])


def test_a_grouped_convolution_is_refused():
    model = zero_first(nn.Sequential(nn.Conv1d(4, 6, 3, groups=2)), "0")
    with pytest.raises(ValueError, match="0 has 2 groups of 4 channels: of convolut"):
        shrink(model, [group_of(*outputs("0"))])
