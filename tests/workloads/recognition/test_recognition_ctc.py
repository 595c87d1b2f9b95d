"""The loss of CTC, over utterances that are padded."""

import pytest
import torch
from torch.nn import functional as F

from workloads.recognition.batches import Batch
from workloads.recognition.ctc import ctc_loss_sum


def random_log_probs(*shape):
    torch.manual_seed(0)
    return torch.randn(*shape).log_softmax(-1)


def batch_of(*labels):
    """Its features play no part."""
    counts = torch.tensor([len(one) for one in labels])
    flat = torch.tensor([label for one in labels for label in one])
    empty = torch.zeros(len(labels), 1, 1)
    return Batch(tuple(range(len(labels))), empty, counts, flat, counts)


def loss_of(log_probs, lengths, labels, blank=0):
    return ctc_loss_sum(log_probs, torch.tensor(lengths), batch_of(*labels), blank)


@pytest.mark.parametrize("blank", [0, 34])
def test_the_loss_is_torch_s_one_utterance_at_a_time(blank):
    log_probs, labels = random_log_probs(3, 12, 35), [[5, 6], [7], [8, 8, 9]]
    lengths = [12, 7, 10]
    expected = sum(
        F.ctc_loss(
            one[:length],
            torch.tensor(label),
            (length,),
            (len(label),),
            blank=blank,
            reduction="sum",
        )
        for one, length, label in zip(log_probs, lengths, labels, strict=True)
    )
    torch.testing.assert_close(loss_of(log_probs, lengths, labels, blank), expected)


def test_the_loss_does_not_depend_on_padding():
    log_probs, labels = random_log_probs(2, 9, 35), [[5, 6], [7]]
    expected = loss_of(log_probs, [9, 6], labels)
    longer = torch.cat([log_probs, torch.randn(2, 5, 35).log_softmax(-1)], dim=1)
    longer[1, 6:] = torch.randn(8, 35).log_softmax(-1)
    torch.testing.assert_close(loss_of(longer, [9, 6], labels), expected)
    assert not loss_of(longer, [14, 6], labels).isclose(expected)


def test_an_utterance_too_short_for_its_labels_counts_zero():
    log_probs = random_log_probs(2, 6, 35)
    alone = loss_of(log_probs[:1], [6], [[5, 6]])
    both = loss_of(log_probs, [6, 2], [[5, 6], [7, 8, 9]])
    torch.testing.assert_close(both, alone)
