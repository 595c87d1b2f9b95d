"""What follows from the sizes by arithmetic: the published counts and costs."""

from dataclasses import replace

import pytest
from separators import macs_of_size, parameter_counts

from workloads.separation.sizes import (
    CONV_TASNET,
    DPTNET,
    FULL,
    LSTM_TASNET,
    MEETING_SOURCES,
    SIZES,
    SMALL,
    with_sources,
)

# Published counts of Conv-TasNet are with it and without: the last block's residual
# convolution, whose output nobody reads. Ours has none.
LAST_RESIDUAL = 512 * 128 + 128


def parameters(size):
    return sum(parameter_counts(size).values())


@pytest.mark.parametrize(
    ("size", "unread", "two", "eight"),
    [
        (LSTM_TASNET, 0, 23_168_513, 26_243_585),
        (CONV_TASNET, 0, 4_985_394, 5_381_682),
        (CONV_TASNET, LAST_RESIDUAL, 5_051_058, 5_447_346),
        (DPTNET, 0, 2_857_666, 2_882_626),
    ],
    ids=["lstm-tasnet", "conv-tasnet", "conv-tasnet-with-last-residual", "dptnet"],
)
def test_full_sizes_have_the_published_parameters(size, unread, two, eight):
    assert parameters(size) + unread == two
    assert parameters(with_sources(size, 8)) + unread == eight


@pytest.mark.parametrize(
    ("size", "unread", "published_bytes"),
    [
        (LSTM_TASNET, 0, 92_674_052),
        (with_sources(LSTM_TASNET, 8), 0, 104_974_340),
        (CONV_TASNET, 0, 19_941_576),
        (with_sources(CONV_TASNET, 8), LAST_RESIDUAL, 21_789_384),
        (DPTNET, 0, 11_430_664),
        (with_sources(DPTNET, 8), 0, 11_530_504),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_parameters_in_fp32_take_the_published_memory(size, unread, published_bytes):
    assert 4 * (parameters(size) + unread) == published_bytes


def test_lstm_tasnet_splits_into_the_published_layers():
    counts = parameter_counts(SIZES["lstm-tasnet-8"])
    assert counts.pop("Conv1d") + counts.pop("Decoder") == 62_465
    assert counts == {"LSTM": 22_080_000, "Linear": 4_100_096, "GlobalLayerNorm": 1_024}


def test_dptnet_splits_into_the_published_layers():
    counts = parameter_counts(SIZES["dptnet-8"])
    assert counts.pop("Conv1d") + counts.pop("Decoder") == 12_481
    attention, linear = 66_560, 131_328  # attention's two layers are linear ones
    assert counts == {
        "Conv2d": 33_280,
        "LSTM": 2_637_824,
        "Linear": attention + linear,
        "GlobalLayerNorm": 1_152,
        "PReLU": 1,
    }


def test_conv_tasnet_splits_into_its_layers():
    counts = parameter_counts(CONV_TASNET)
    assert counts.pop("Decoder") == 512 * 16 + 1
    assert counts.pop("Conv1d") == 512 * 16 + 512  # the encoder
    assert counts.pop("PReLU") == 24 * 2 + 1
    assert counts.pop("GlobalLayerNorm") == 2 * (512 + 24 * 2 * 512)
    pointwise = 24 * 2 * (128 * 512) + 24 * (512 + 128) + 23 * (512 * 128 + 128)
    around = (512 * 128 + 128) + (128 * 1_024 + 1_024)
    assert counts == {"FrameConv1d": pointwise + 24 * (512 * 3 + 512) + around}


@pytest.mark.parametrize(
    ("size", "unread", "gmacs"),
    [
        (LSTM_TASNET, 0, 18.50),
        (with_sources(LSTM_TASNET, 8), 0, 21.05),
        (CONV_TASNET, 0, 9.82),
        (with_sources(CONV_TASNET, 8), 1_999 * 512 * 128, 10.83),
        (DPTNET, 0, 6.31),
        (with_sources(DPTNET, 8), 0, 6.42),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_second_costs_the_published_multiply_accumulates(size, unread, gmacs):
    assert round((macs_of_size(size, 16_000) + unread) / 1e9, 2) == gmacs


@pytest.mark.parametrize(
    ("size", "macs"),
    [
        (LSTM_TASNET, 18_499_982_080),
        (CONV_TASNET, 9_817_296_896),
        (DPTNET, 6_308_943_872),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_second_costs_what_formulas_say(size, macs):
    assert macs_of_size(size, 16_000) == macs


def test_names_say_the_sources_where_they_are_not_two():
    own = {size.name for size in (*FULL, *SMALL)}
    assert set(SIZES) == own | {f"{name}-8" for name in own}
    for name, size in SIZES.items():
        assert size.name == name
        assert size.sources == (MEETING_SOURCES if name.endswith("-8") else 2)


def test_full_sizes_hear_16_khz_and_small_ones_8_khz():
    assert {size.sample_rate_hz for size in FULL} == {16_000}
    assert {size.sample_rate_hz for size in SMALL} == {8_000}


@pytest.mark.parametrize("size", SMALL, ids=lambda size: size.name)
def test_small_sizes_are_a_fifth_of_the_full_ones_at_most(size):
    full = SIZES[size.name.removesuffix("-small")]
    assert 5 * parameters(size) < parameters(full)
    assert 5 * macs_of_size(size, 8_000) < macs_of_size(full, 16_000)


@pytest.mark.parametrize("chunk", [0, 1, 99])
def test_chunks_that_cannot_overlap_by_half_are_refused(chunk):
    with pytest.raises(ValueError, match=f"chunks of {chunk} frames .* an even number"):
        replace(DPTNET, chunk=chunk)
