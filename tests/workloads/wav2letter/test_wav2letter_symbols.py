import pytest

from workloads.wav2letter.symbols import BLANK, LETTERS, PHONEMES


@pytest.mark.parametrize(("alphabet", "outputs"), [(LETTERS, 35), (PHONEMES, 42)])
def test_the_alphabets_have_the_paper_s_sizes(alphabet, outputs):
    assert alphabet.outputs == len(set(alphabet.symbols)) == outputs


def test_the_order_is_that_of_the_homework_data():
    assert LETTERS.symbols[:6] == ("<pad>", "'", "+", "-", ".", "A")
    assert LETTERS.symbols[30:] == ("Z", "_", " ", "<sos>", "<eos>")
    assert PHONEMES.symbols[1:5] == ("SIL", "SPN", "AA", "AE")
    assert PHONEMES.symbols[41] == "ZH"


@pytest.mark.parametrize(
    ("alphabet", "text"),
    [
        (LETTERS, "it's a book"),
        (LETTERS, "a-b c. d_e f+"),
        (PHONEMES, "SIL HH AH L OW SPN"),
    ],
)
def test_labels_spell_the_text_they_were_made_from(alphabet, text):
    assert alphabet.decode(alphabet.encode(text)) == text


@pytest.mark.parametrize("alphabet", [LETTERS, PHONEMES])
def test_no_text_encodes_to_the_blank(alphabet):
    texts = [symbol for symbol in alphabet.symbols if not symbol.startswith("<")]
    labels = [label for text in texts for label in alphabet.encode(text)]
    assert BLANK not in labels
    assert len(labels) == len(texts)


def test_case_does_not_change_the_labels():
    assert LETTERS.encode("Cat") == LETTERS.encode("cAT")
    assert PHONEMES.encode("k ae t") == PHONEMES.encode("K AE T")


def test_letters_come_back_in_lower_case_and_phonemes_in_upper():
    assert LETTERS.decode(LETTERS.encode("CAT")) == "cat"
    assert PHONEMES.decode(PHONEMES.encode("k ae t")) == "K AE T"


@pytest.mark.parametrize(
    ("alphabet", "text", "foreign", "allowed"),
    [
        (LETTERS, "caf\u00e9 7", r"'7', 'é'", r"A B C .* space$"),
        (LETTERS, "stra\u00dfe", "'ß'", "A B C"),  # whose upper case is two letters
        (PHONEMES, "K AE1 T", "'AE1'", "AA AE AH"),
        (PHONEMES, "<pad> K", "'<pad>'", "AA AE AH"),
    ],
)
def test_a_foreign_symbol_is_named_beside_what_is_allowed(
    alphabet, text, foreign, allowed
):
    with pytest.raises(ValueError, match=f"holds {foreign}, .*{allowed}"):
        alphabet.encode(text)


def test_sentence_marks_vanish():
    sos, eos = 33, 34
    path = [sos, *LETTERS.encode("ab"), eos, eos]
    assert LETTERS.decode(path) == "ab"


def test_spaces_at_the_ends_and_after_another_vanish():
    space, a = LETTERS.encode(" a")
    assert LETTERS.decode([space, a, space, BLANK, space, a, space]) == "a a"
