import subprocess
import sys

import numpy as np
import pytest

from workloads.asr.alphabet import ALPHABET, BLANK
from workloads.asr.decoding import LEXICON_DECODERS, best_path
from workloads.recognition.searches import SEARCHES

encode = ALPHABET.encode
WORDS = ["the", "cool", "cat", "it's"]


@pytest.fixture(params=LEXICON_DECODERS)
def decoder_class(request):
    """Of each search that is installed here."""
    if reason := SEARCHES[request.param].why_not_installed():
        pytest.skip(reason)
    return LEXICON_DECODERS[request.param]


@pytest.fixture
def adding_class():
    """Of the search that adds up paths."""
    if reason := SEARCHES["flashlight"].why_not_installed():
        pytest.skip(reason)
    return LEXICON_DECODERS["flashlight"]


@pytest.fixture
def graph_class():
    """Of the search through a graph, which is installed everywhere."""
    return LEXICON_DECODERS["kaldi-decoder"]


def emissions(text, doubt=0.0):
    """Log-probabilities (U, 30) that spell `text`; `doubt` goes to 'a' and 'o'
    evenly."""
    path = [x for label in encode(text) for x in (label, BLANK)]
    log_probs = np.full((len(path), 30), -8.0, np.float32)
    log_probs[range(len(path)), path] = -0.1
    log_probs[:, encode("ao")] += doubt
    return log_probs


@pytest.mark.parametrize("text", ["the cool cat", "cot"])
def test_the_best_path_may_write_any_word(text):
    assert best_path(emissions(text)) == text


@pytest.mark.parametrize("text", ["the cool cat", "it's the cat"])
def test_a_search_reads_words_of_the_lexicon(decoder_class, text):
    assert decoder_class(WORDS, 16).decode(emissions(text)) == text


def test_a_search_writes_no_word_outside_the_lexicon(decoder_class):
    decoder = decoder_class(WORDS, 16)
    assert decoder.decode(emissions("the cot", doubt=2.0)) == "the cat"


def test_a_word_may_be_repeated_and_begin_another(decoder_class):
    decoder = decoder_class(["a", "an", "ant"], 16)
    for text in ("a a", "an ant a", "ant an"):
        assert decoder.decode(emissions(text)) == text


def test_a_decoder_starts_anew_with_each_utterance(decoder_class):
    decoder = decoder_class(WORDS, 16)
    texts = ["the cat", "cool", "the cat"]
    assert [decoder.decode(emissions(text)) for text in texts] == texts


def test_spaces_and_blanks_at_either_end_are_no_words(decoder_class):
    spoken = emissions("cat")
    quiet = emissions("  ")
    found = decoder_class(WORDS, 16).decode(np.concatenate([quiet, spoken, quiet]))
    assert found == "cat"


@pytest.mark.parametrize("frames", [0, 5])
def test_an_utterance_of_no_frames_or_only_blanks_is_the_empty_text(
    decoder_class, frames
):
    log_probs = np.full((frames, 30), -8.0, np.float32)
    log_probs[:, BLANK] = -0.1
    assert decoder_class(WORDS, 16).decode(log_probs) == ""


def test_log_probabilities_of_any_layout_and_float_are_decoded_alike(decoder_class):
    decoder = decoder_class(WORDS, 16)
    log_probs = emissions("the cool cat")
    strided = np.asfortranarray(log_probs.astype(np.float64))
    assert decoder.decode(strided) == "the cool cat"
    assert strided.dtype == np.float64  # not changed in place


def test_a_wider_beam_finds_what_a_narrow_one_lost(decoder_class):
    # Others lead at first, but their only words end in improbable letters.
    words = ["bzz", "dzz", "ezz", "cat"]
    log_probs = emissions("cat")
    log_probs[0, encode("bde")] = 0.5
    log_probs[0, BLANK] = -9.0
    assert decoder_class(words, 2).decode(log_probs) != "cat"
    assert decoder_class(words, 32).decode(log_probs) == "cat"


def sum_beats_best():
    """Best path: "a" by .4 x .6 = .24 before "b" by .3 x .6 = .18. Of all paths, "b"
    has .18 + .3 x .4 (b, b) + .3 x .4 (blank, b) = .42."""
    probs = np.full((2, 30), 1e-9, np.float32)
    for frame, (a, b, blank) in enumerate([(0.4, 0.3, 0.3), (1e-9, 0.4, 0.6)]):
        probs[frame, [*encode("ab"), BLANK]] = a, b, blank
    return np.log(probs)


def test_the_paths_of_a_word_are_added_up(adding_class):
    assert adding_class(["a", "b"], 64).decode(sum_beats_best()) == "b"


def test_a_graph_counts_a_word_by_its_best_path(graph_class):
    assert graph_class(["a", "b"], 64).decode(sum_beats_best()) == "a"


def test_the_graph_lives_as_long_as_its_decoder():
    """The search keeps a pointer to it alone: without another the process ends by
    SIGSEGV, hence one of its own."""
    program = (
        "import gc, numpy as np\n"
        "from workloads.asr.decoding import LexiconGraphDecoder\n"
        "decoder = LexiconGraphDecoder([f'a{c}' for c in 'bcdefghijk'], 64)\n"
        "gc.collect()\n"
        "garbage = [np.ones(n) for n in range(20_000)]\n"
        "log_probs = np.log(np.random.default_rng(0).dirichlet(np.ones(30), 200))\n"
        "print(len(decoder.decode(log_probs)) > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "True")


def test_an_empty_lexicon_is_refused(decoder_class):
    with pytest.raises(ValueError, match="lexicon is empty"):
        decoder_class([], 16)


def test_a_beam_that_keeps_nothing_is_refused(decoder_class):
    with pytest.raises(ValueError, match="a beam of 0 keeps nothing: use 1 or more"):
        decoder_class(WORDS, 0)


def test_a_beam_narrower_than_a_graph_s_search_knows_is_refused(graph_class):
    with pytest.raises(ValueError, match="beam of 1 is too narrow here: use 2 or more"):
        graph_class(WORDS, 1)
