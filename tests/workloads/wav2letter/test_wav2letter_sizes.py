import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from workloads.task import parameters_of
from workloads.wav2letter.model import Wav2Letter
from workloads.wav2letter.sizes import SIZES, WAV2LETTER, output_length

MIN_FRAMES = 2  # fewer have no place for the first kernel
SHAPES = [(1, MIN_FRAMES), (1, 100), (3, 101)]


@pytest.fixture(params=SIZES.values(), ids=SIZES.keys())
def size(request):
    return request.param


def on_meta(size):
    """A model without numbers: shapes alone."""
    with torch.device("meta"):
        return Wav2Letter(size).eval()


def test_the_published_size_has_its_parameters():
    assert parameters_of(on_meta(WAV2LETTER)) == 23_618_535


def test_phonemes_have_seven_outputs_more():
    phonemes = SIZES["wav2letter-phonemes"]
    assert (WAV2LETTER.alphabet.outputs, phonemes.alphabet.outputs) == (35, 42)
    assert parameters_of(on_meta(phonemes)) == 23_618_535 + 7 * (2000 + 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_macs_are_half_of_the_operations_that_torch_counts(size, shape):
    batch, frames = shape
    with FlopCounterMode(display=False) as counter:
        on_meta(size)(torch.empty(batch, frames, size.inputs, device="meta"))
    assert counter.get_total_flops() == 2 * batch * size.macs(frames)


def test_a_second_takes_as_many_macs_as_the_paper_says():
    assert WAV2LETTER.macs(100) == 1_200_695_000


def test_output_lengths_are_those_of_the_module(tiny):
    module = on_meta(tiny)
    for frames in range(MIN_FRAMES, 260):
        log_probs = module(torch.empty(1, frames, 40, device="meta"))
        assert log_probs.shape == (1, output_length(frames), 35), frames


@pytest.mark.parametrize(
    ("frames", "outputs"), [(2, 2), (3, 2), (4, 3), (99, 50), (100, 51), (1000, 501)]
)
def test_an_output_stands_for_two_frames(frames, outputs):
    assert output_length(frames) == outputs


def test_a_frame_less_than_the_fewest_does_not_run(tiny):
    with pytest.raises(RuntimeError, match=r"[Kk]ernel size"):
        on_meta(tiny)(torch.empty(1, MIN_FRAMES - 1, 40, device="meta"))
