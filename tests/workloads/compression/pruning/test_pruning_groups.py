import pytest
import torch
from torch import nn

from workloads.compression.pruning.groups import (
    ChannelGroup,
    Member,
    check_fit,
    inputs,
    lstm_cells,
    lstm_inputs,
    outputs,
    zero_channels,
)


@pytest.fixture
def chain():
    """Three channels between two linear layers."""
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))


def between(channels=3):
    return ChannelGroup("between", channels, (*outputs("0"), inputs("1")))


def test_a_channel_lies_once_at_each_offset():
    member = Member("weight", offsets=(0, 4, 8))
    assert member.positions(torch.tensor([1, 3])).tolist() == [1, 3, 5, 7, 9, 11]


def test_values_are_summed_over_all_that_a_channel_holds():
    values = torch.arange(8.0).reshape(4, 2)  # rows 0 + 1, 2 + 3, 4 + 5, 6 + 7
    assert Member("w").per_channel(values, 4).tolist() == [1, 5, 9, 13]
    assert Member("w", offsets=(0, 2)).per_channel(values, 2).tolist() == [10, 18]
    assert Member("w", axis=1).per_channel(values, 2).tolist() == [12, 16]
    assert Member("b", offsets=(1,)).per_channel(torch.arange(4.0), 2).tolist() == [
        1,
        2,
    ]


def test_columns_do_not_make_a_channel():
    assert [member.parameter for member in between().producers] == [
        "0.weight",
        "0.bias",
    ]


def test_a_channel_is_zero_if_all_that_makes_it_is(chain):
    nn.init.ones_(chain[0].weight)
    nn.init.zeros_(chain[0].bias)
    chain[0].weight.data[1] = 0
    assert zero_channels(chain, between()).tolist() == [False, True, False]
    chain[0].bias.data[1] = 1e-30
    assert zero_channels(chain, between()).tolist() == [False, False, False]


def test_what_reads_a_channel_does_not_keep_it(chain):
    nn.init.zeros_(chain[0].weight)
    nn.init.zeros_(chain[0].bias)
    nn.init.ones_(chain[1].weight)
    assert zero_channels(chain, between()).all()


def test_the_cells_of_an_lstm_have_four_gates():
    members = lstm_cells("lstm", 5, 1, "_reverse")
    assert [m.offsets for m in members if m.produces] == [(0, 5, 10, 15)] * 4
    assert [m.parameter for m in members if not m.produces] == [
        "lstm.weight_hh_l1_reverse"
    ]
    read = lstm_inputs("lstm", 1, 5)
    assert [(m.parameter, m.axis, m.offsets) for m in read] == [
        ("lstm.weight_ih_l1", 1, (5,)),
        ("lstm.weight_ih_l1_reverse", 1, (5,)),
    ]


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (between(4), r"0\.weight has shape \(3, 2\), expected at least 4 along axis 0"),
        (ChannelGroup("x", 1, outputs("2")), r"2\.weight has shape \(\), .* axis 0"),
        (ChannelGroup("x", 3, (Member("0.bias", 1),)), r"0\.bias .* along axis 1"),
    ],
)
def test_a_group_of_another_model_is_refused(chain, group, said):
    with pytest.raises(ValueError, match=f"group .* does not fit the model: {said}"):
        check_fit(chain, [group])


def test_no_groups_are_refused(chain):
    with pytest.raises(ValueError, match="no groups of channels are given: structured"):
        check_fit(chain, [])
