import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from workloads.compression.sparse.executed import (
    CsrLinear,
    CsrPointwiseConv,
    csr_linears,
    semi_structured_linears,
)
from workloads.frame_convolution import FrameConv1d


class Small(nn.Module):
    def __init__(self, bias=True):
        super().__init__()
        self.conv = nn.Conv1d(6, 10, 3, padding=1)
        self.pointwise = nn.Conv1d(10, 12, 1, bias=bias)
        self.rnn = nn.LSTM(12, 8, batch_first=True)
        self.linear = nn.Linear(8, 5, bias=bias)

    def forward(self, x):
        hidden, _ = self.rnn(self.pointwise(self.conv(x)).mT)
        return self.linear(hidden)


def pruned(model, amount):
    for module in (model.pointwise, model.linear):
        prune.random_unstructured(module, "weight", amount)
        prune.remove(module, "weight")
    return model


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("amount", [0.0, 0.8, 1.0])
@torch.inference_mode()
def test_products_in_csr_give_the_dense_output(bias, amount):
    torch.manual_seed(0)
    model = pruned(Small(bias), amount)
    x = torch.randn(3, 6, 11)
    sparse = csr_linears(model).model
    torch.testing.assert_close(sparse(x), model(x), rtol=0, atol=1e-5)


def test_what_is_changed_and_what_is_left_is_listed():
    found = csr_linears(Small())
    assert found.changed == ["pointwise", "linear"]
    assert found.left == {
        "conv": "its kernel is not a matrix product",
        "rnn": "a LSTM has no product in CSR",
    }


def test_the_model_itself_is_not_changed():
    model = Small()
    before = copy.deepcopy(model.state_dict())
    csr_linears(model)
    assert type(model.linear) is nn.Linear
    torch.testing.assert_close(model.state_dict(), before)


@pytest.mark.parametrize("shape", [(7,), (4, 7), (2, 3, 7), (0, 7)])
@torch.inference_mode()
def test_a_linear_layer_takes_any_leading_axes(shape):
    linear = nn.Linear(7, 5)
    sparse = csr_linears(linear).model
    assert isinstance(sparse, CsrLinear)
    x = torch.randn(shape)
    torch.testing.assert_close(sparse(x), linear(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(7, 9), (1, 7, 9), (3, 7, 9)])
@torch.inference_mode()
def test_a_pointwise_convolution_is_a_product_over_channels(shape):
    conv = nn.Conv1d(7, 5, 1)
    sparse = csr_linears(conv).model
    assert isinstance(sparse, CsrPointwiseConv)
    x = torch.randn(shape)
    torch.testing.assert_close(sparse(x), conv(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_sparse_convolutions_of_frames_leave_frames_together(bias):
    conv = FrameConv1d(7, 5, 1, bias=bias)
    x = torch.randn(3, 9, 7).transpose(1, 2)
    found = csr_linears(conv).model(x)
    torch.testing.assert_close(found, conv(x), rtol=0, atol=1e-5)
    assert found.transpose(1, 2).is_contiguous()


@pytest.mark.parametrize("kind", [nn.Conv1d, FrameConv1d])
@pytest.mark.parametrize(
    "option", [{"stride": 2}, {"padding": 1}, {"groups": 2}, {"kernel_size": 3}]
)
def test_convolutions_that_are_more_than_a_product_are_left(kind, option):
    found = csr_linears(nn.Sequential(kind(4, 6, **{"kernel_size": 1, **option})))
    assert found.left == {"0": "its kernel is not a matrix product"}


def test_only_what_is_not_zero_is_kept():
    linear = pruned(Small(), 0.75).linear
    sparse = csr_linears(linear).model
    assert sparse.values.numel() == linear.weight.count_nonzero() == 10
    assert sparse.weight.layout == torch.sparse_csr
    assert torch.equal(sparse.weight.to_dense(), linear.weight)


def test_sparse_layers_tell_their_sizes_by_the_names_of_the_dense_ones():
    sparse = csr_linears(Small()).model
    assert (sparse.linear.in_features, sparse.linear.out_features) == (8, 5)


def test_a_sparse_model_can_be_copied_and_saved():
    sparse = csr_linears(pruned(Small(), 0.5)).model
    copied = copy.deepcopy(sparse)
    copied.load_state_dict(sparse.state_dict())
    assert torch.equal(copied.linear.weight.to_dense(), sparse.linear.weight.to_dense())


def test_a_layer_that_occurs_twice_stays_one():
    linear = nn.Linear(4, 4)
    found = csr_linears(nn.Sequential(linear, nn.ReLU(), linear))
    assert found.changed == ["0", "2"]
    assert found.model[0] is found.model[2]


def test_a_layer_alone_is_a_model_without_a_name():
    linear = nn.Linear(4, 3)
    found = csr_linears(linear)
    assert (found.changed, found.left) == ([""], {})
    assert type(linear) is nn.Linear


def test_pruning_that_is_not_permanent_is_refused():
    model = Small()
    prune.random_unstructured(model.linear, "weight", 0.5)
    with pytest.raises(ValueError, match=r"call prune\.remove on each of its layers"):
        csr_linears(model)


def test_a_layer_with_a_hook_is_left():
    model = Small()
    model.linear.register_forward_pre_hook(lambda module, x: None)
    assert csr_linears(model).left["linear"] == "a hook may set its weight in each call"


def test_types_without_products_are_listed():
    found = csr_linears(nn.Sequential(nn.Linear(4, 4)).bfloat16())
    assert found.left == {"0": "torch has no product in CSR for torch.bfloat16"}


def test_layers_whose_weights_others_use_are_left():
    found = csr_linears(nn.MultiheadAttention(8, 2))
    assert not found.changed
    assert set(found.left) == {"", "out_proj"}


def test_two_of_four_on_the_cpu_is_refused():
    with pytest.raises(ValueError, match="weights on cpu have no 2:4 sparse products"):
        semi_structured_linears(Small())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="2:4 products need CUDA")
def test_two_of_four_on_cuda_gives_the_dense_output():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(128, 64), nn.Linear(64, 10), nn.Linear(64, 64))
    with torch.no_grad():
        model[0].weight.view(64, -1, 4)[:, :, 2:] = 0
    found = semi_structured_linears(model.half().cuda())
    assert found.changed == ["0"]
    assert found.left == {
        "1": "its shape (10, 64) is no multiple of 32 x 64",
        "2": "more than two of four neighbours are not zero: prune it to 2:4 first",
    }
    x = torch.randn(32, 128, device="cuda").half()
    with torch.inference_mode():
        torch.testing.assert_close(found.model[0](x), model[0](x), rtol=1e-2, atol=1e-2)
