import numpy as np
import pytest
import torch
from torch.nn import functional as F
from workloads.wav2letter.dataset import Part
from workloads.wav2letter.evaluation import (
    ctc_loss_sum,
    error_rates,
    log_probs_of,
    mean_ctc_loss,
    transcripts,
)

from workloads.feeding.normaliser import Normaliser
from workloads.wav2letter.arrays import ArrayPart
from workloads.wav2letter.sizes import output_length
from workloads.wav2letter.symbols import BLANK, LETTERS, PHONEMES

PLAIN = Normaliser(np.zeros(40, np.float32), np.ones(40, np.float32))


def part_of(texts, alphabet=LETTERS, frames=None):
    """An utterance for each text, whose features all hold its number."""
    lengths = frames or [20] * len(texts)
    features = [np.full((n, 40), i, np.float32) for i, n in enumerate(lengths)]
    rows = ArrayPart(tuple(features), tuple(texts), "0")
    return Part(rows, tuple(texts), (0.2,) * len(texts), alphabet)


def spell(alphabet, text, confidence=0.99):
    """Log-probabilities (U, N): a blank after each label."""
    path = [x for label in alphabet.encode(text) for x in (label, BLANK)]
    probs = np.full((len(path), alphabet.outputs), (1 - confidence) / alphabet.outputs)
    probs[range(len(path)), path] += confidence
    return np.log(probs).astype(np.float32)


def random_log_probs(*shape):
    torch.manual_seed(0)
    return torch.randn(*shape).log_softmax(-1)


def test_outputs_come_in_the_corpus_s_order_without_those_of_padding():
    part = part_of("abcd", frames=[30, 11, 52, 11])
    shapes = []

    def run(features):
        shapes.append(features.shape)
        outputs = output_length(features.shape[1])
        return np.repeat(features[:, :1, :35], outputs, axis=1)

    found = log_probs_of(run, part, PLAIN, batch_size=3)
    assert [len(one) for one in found] == [16, 6, 27, 6]  # not 17 and 29
    assert [one[0, 0] for one in found] == [0, 1, 2, 3]
    assert shapes == [(3, 32, 40), (1, 56, 40)]


def test_outputs_are_of_normalised_features():
    part = part_of("ab", frames=[10, 10])
    normaliser = Normaliser(np.full(40, 3, np.float32), np.full(40, 2, np.float32))
    found = log_probs_of(lambda x: x[:, :8, :35], part, normaliser, batch_size=2)
    assert [one[0, 0] for one in found] == [-1.5, -1]


def test_a_part_without_utterances_cannot_be_judged():
    with pytest.raises(ValueError, match="no utterances to validate on"):
        log_probs_of(lambda x: x, part_of([]), PLAIN, 4)


@pytest.mark.parametrize(
    ("alphabet", "text"), [(LETTERS, "hello bee"), (PHONEMES, "HH AH L OW OW")]
)
def test_the_blank_of_the_loss_is_that_of_the_decoder(alphabet, text):
    part = part_of([text], alphabet)
    found = [spell(alphabet, text)]
    assert transcripts(found, part) == [text]
    # 18 or fewer frames, each 0.99 sure: a loss of other blanks would be beyond 50.
    assert mean_ctc_loss(found, part) < 0.5


def test_the_loss_is_torch_s_one_utterance_at_a_time():
    log_probs, labels = random_log_probs(3, 12, 35), [[5, 6], [7], [8, 8, 9]]
    lengths = [12, 7, 10]
    expected = sum(
        F.ctc_loss(
            one[:length], torch.tensor(label), (length,), (len(label),), reduction="sum"
        )
        for one, length, label in zip(log_probs, lengths, labels, strict=True)
    )
    torch.testing.assert_close(ctc_loss_sum(log_probs, lengths, labels), expected)


def test_the_loss_does_not_depend_on_padding():
    log_probs, labels = random_log_probs(2, 9, 35), [[5, 6], [7]]
    expected = ctc_loss_sum(log_probs, [9, 6], labels)
    longer = torch.cat([log_probs, torch.randn(2, 5, 35).log_softmax(-1)], dim=1)
    longer[1, 6:] = torch.randn(8, 35).log_softmax(-1)
    torch.testing.assert_close(ctc_loss_sum(longer, [9, 6], labels), expected)
    assert not ctc_loss_sum(longer, [14, 6], labels).isclose(expected)


def test_an_utterance_too_short_for_its_labels_counts_zero():
    log_probs = random_log_probs(2, 6, 35)
    alone = ctc_loss_sum(log_probs[:1], [6], [[5, 6]])
    both = ctc_loss_sum(log_probs, [6, 2], [[5, 6], [7, 8, 9]])
    torch.testing.assert_close(both, alone)


def test_the_mean_loss_is_over_utterances():
    part = part_of(["a", "be"])
    found = [one.numpy() for one in random_log_probs(2, 8, 35)]
    losses = [
        float(ctc_loss_sum(torch.from_numpy(one)[None], [8], [labels]))
        for one, labels in zip(found, part.labels, strict=True)
    ]
    assert mean_ctc_loss(found, part) == pytest.approx(sum(losses) / 2)


def test_letters_are_judged_by_pooled_errors_and_by_edits_an_utterance():
    found = error_rates(part_of(["a cat", "dog"]), ["a cap", "cogs"])
    assert set(found) == {"cer", "levenshtein"}
    assert found["cer"].rate == 3 / 8
    assert found["levenshtein"].rate == 3 / 2
    assert found["levenshtein"].errors == (1, 2)


def test_phonemes_are_judged_one_by_one_however_many_letters_they_have():
    part = part_of(["K AE T", "SIL"], PHONEMES)
    found = error_rates(part, ["K AA", "SIL"])
    assert set(found) == {"per", "levenshtein"}
    assert found["per"].rate == 2 / 4
    assert found["levenshtein"].errors == (2, 0)  # AA for AE, and T is missing
    assert found["levenshtein"].rate == 2 / 2
