"""Texts from made-up outputs of a model."""

import subprocess
import sys

import numpy as np
import pytest

from workloads.recognition.searches import SEARCHES
from workloads.wav2letter.decoding import beam_search, greedy, make_decoder
from workloads.wav2letter.symbols import BLANK, LETTERS, PHONEMES


def spell(alphabet, paths, confidence=0.99):
    """Log-probabilities (B, U, N) that follow the label paths, and their lengths."""
    lengths = [len(path) for path in paths]
    rest = (1 - confidence) / (alphabet.outputs - 1)
    probs = np.full((len(paths), max(lengths), alphabet.outputs), rest, np.float32)
    for row, path in zip(probs, paths, strict=True):
        row[range(len(path)), path] = confidence
    return np.log(probs), lengths


def spaced_out(alphabet, text):
    """A path with a blank after each label."""
    return [x for label in alphabet.encode(text) for x in (label, BLANK)]


TEXTS = {
    "letters": ["it's a book", "hello wheel", "aa"],
    "phonemes": ["SIL HH AH L OW SIL", "S S SPN", "Z"],
}


@pytest.fixture(params=[LETTERS, PHONEMES], ids=lambda alphabet: alphabet.name)
def alphabet(request):
    return request.param


@pytest.fixture(params=["fast-ctc-decode", "flashlight"])
def search(request):
    """Each that is installed here."""
    if reason := SEARCHES[request.param].why_not_installed():
        pytest.skip(reason)
    return request.param


def confident(alphabet):
    texts = TEXTS[alphabet.name]
    return spell(alphabet, [spaced_out(alphabet, text) for text in texts])


def frames(**shares):
    """One frame of letters: the shares given, and next to nothing for the rest."""
    row = np.full(LETTERS.outputs, 1e-9)
    for symbol, share in shares.items():
        row[BLANK if symbol == "blank" else LETTERS.encode(symbol)[0]] = share
    return row


def greedily(log_probs, lengths, alphabet):
    return [
        greedy(row[:n], alphabet) for row, n in zip(log_probs, lengths, strict=True)
    ]


def by_beam(log_probs, lengths, alphabet, search, width=20):
    decoder = beam_search(alphabet, width, search)
    return [decoder(row[:n]) for row, n in zip(log_probs, lengths, strict=True)]


def test_greedy_reads_the_best_path_of_each_utterance(alphabet):
    log_probs, lengths = confident(alphabet)
    assert greedily(log_probs, lengths, alphabet) == TEXTS[alphabet.name]


def test_beam_search_equals_greedy_where_the_model_is_confident(alphabet, search):
    log_probs, lengths = confident(alphabet)
    assert by_beam(log_probs, lengths, alphabet, search) == TEXTS[alphabet.name]


def test_greedy_merges_repeats_of_the_best_path_and_leaves_blanks_out(alphabet):
    rng = np.random.default_rng(0)
    log_probs = rng.normal(size=(3, 40, alphabet.outputs))
    log_probs[..., BLANK] += 2
    spelt = []
    for path in log_probs.argmax(axis=2).tolist():
        starts = [
            x for x, before in zip(path, [None, *path], strict=False) if x != before
        ]
        spelt.append(alphabet.decode(x for x in starts if x != BLANK))
    assert greedily(log_probs, [40, 40, 40], alphabet) == spelt


@pytest.mark.parametrize(("width", "text"), [(1, ""), (20, "a")])
def test_a_width_of_one_takes_the_best_path_and_a_wider_one_the_beam(
    search, width, text
):
    log_probs = np.log([frames(blank=0.6, a=0.4), frames(blank=0.6, a=0.4)])
    assert make_decoder(LETTERS, width, search)(log_probs) == text


def decode_both(log_probs, lengths, alphabet, search):
    return (
        greedily(log_probs, lengths, alphabet),
        by_beam(log_probs, lengths, alphabet, search),
    )


def test_a_letter_is_doubled_only_across_a_blank(search):
    (a,) = LETTERS.encode("a")
    log_probs, lengths = spell(LETTERS, [[a, BLANK, a], [a, a, a], [a, a, BLANK]])
    for decoded in decode_both(log_probs, lengths, LETTERS, search):
        assert decoded == ["aa", "a", "a"]


def test_a_repeated_phoneme_needs_a_blank_too(search):
    (s,) = PHONEMES.encode("S")
    paths = spell(PHONEMES, [[s, s, BLANK, s]])
    for decoded in decode_both(*paths, PHONEMES, search):
        assert decoded == ["S S"]


def test_an_utterance_of_no_frames_or_only_blanks_is_the_empty_text(alphabet, search):
    log_probs, _ = spell(alphabet, [[BLANK, BLANK], [BLANK, BLANK]])
    for decoded in decode_both(log_probs, [2, 0], alphabet, search):
        assert decoded == ["", ""]


def test_a_silence_that_is_spoken_at_either_end_is_kept(search):
    path = [*PHONEMES.encode("SIL Z SIL")]
    for decoded in decode_both(*spell(PHONEMES, [path]), PHONEMES, search):
        assert decoded == ["SIL Z SIL"]


def test_beam_search_adds_up_the_paths_of_a_text_that_greedy_misses(search):
    # The best path is two blanks: 0.6 * 0.6 = 0.36. But three paths spell "a":
    # a-blank, blank-a and a-a, 0.24 + 0.24 + 0.16 = 0.64.
    log_probs = np.log([[frames(blank=0.6, a=0.4), frames(blank=0.6, a=0.4)]])
    assert greedily(log_probs, [2], LETTERS) == [""]
    assert by_beam(log_probs, [2], LETTERS, search) == ["a"]


def test_a_wider_beam_finds_what_a_narrow_one_lost(search):
    # After one frame "b" leads (0.40), and a beam of 1 keeps nothing else. In the end
    # "a" has 0.35 + 0.25 * 0.5 = 0.475, "b" has 0.40 * 0.5 = 0.20, and so has "ba".
    first = frames(b=0.40, a=0.35, blank=0.25)
    log_probs = np.log([[first, frames(a=0.5, blank=0.5)]])
    assert by_beam(log_probs, [2], LETTERS, search, width=20) == ["a"]
    assert by_beam(log_probs, [2], LETTERS, search, width=1)[0].startswith("b")


def test_beam_search_finds_the_most_probable_text_of_all_paths(search):
    """Against every path of four frames over the blank, two letters and a space."""
    rng = np.random.default_rng(3)
    labels = [BLANK, *LETTERS.encode("ab ")]
    decoder = beam_search(LETTERS, 200, search)
    for _ in range(20):
        probs = np.full((4, LETTERS.outputs), 1e-12)
        probs[:, labels] = rng.dirichlet(np.ones(len(labels)), size=4)
        totals: dict[tuple[int, ...], float] = {}
        for path in np.ndindex(4, 4, 4, 4):
            chosen = [labels[i] for i in path]
            spelt = tuple(
                x
                for x, previous in zip(chosen, [None, *chosen], strict=False)
                if x not in (previous, BLANK)
            )
            share = float(np.prod(probs[range(4), chosen]))
            totals[spelt] = totals.get(spelt, 0.0) + share
        best = max(totals, key=lambda spelt: totals[spelt])
        assert decoder(np.log(probs)) == LETTERS.decode(best)


@pytest.mark.parametrize("width", [0, -3])
def test_a_beam_of_nothing_is_refused(search, width):
    with pytest.raises(ValueError, match=f"beam of {width} keeps nothing"):
        beam_search(LETTERS, width, search)


@pytest.mark.parametrize("shape", [(4, 35), (1, 4, 42), (42,)])
def test_another_shape_is_refused(search, shape):
    expected = r", expected \(U, 42\) for the phonemes"
    with pytest.raises(ValueError, match=expected):
        greedy(np.zeros(shape), PHONEMES)
    with pytest.raises(ValueError, match=expected):
        beam_search(PHONEMES, 20, search)(np.zeros(shape))


@pytest.mark.parametrize("width", [1, 20])
def test_outputs_that_are_no_numbers_are_refused(alphabet, search, width):
    log_probs, _ = confident(alphabet)
    log_probs[1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="hold NaN, first in frame 2: the model's"):
        make_decoder(alphabet, width, search)(log_probs[1])


def test_a_search_that_there_is_not_is_answered_with_the_known_ones():
    with pytest.raises(
        ValueError, match="called 'kaldi-decoder' here: expected one of"
    ):
        beam_search(LETTERS, 20, "kaldi-decoder")


def test_reading_and_decoding_need_no_torch_where_the_search_needs_none():
    program = (
        "import sys, workloads.wav2letter.decoding, workloads.wav2letter.arrays\n"
        "import workloads.wav2letter.phonemes\n"
        "from workloads.wav2letter.symbols import LETTERS\n"
        "workloads.wav2letter.decoding.beam_search(LETTERS, 20, 'fast-ctc-decode')\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
