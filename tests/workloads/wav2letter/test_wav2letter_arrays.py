import numpy as np
import pytest
from paper_arrays import write, write_objects

from workloads.wav2letter.arrays import DEV, TRAIN, load
from workloads.wav2letter.symbols import LETTERS, PHONEMES

TEXTS = {
    "letters": (["the cat's hat", "a", "yes no"], ["hello"]),
    "phonemes": (["SIL K AE T", "AH", "Y EH S"], ["SIL ZH"]),
}
TRANSCRIPTS = {"letters": "transcripts", "phonemes": "labels"}


@pytest.fixture(params=[LETTERS, PHONEMES], ids=lambda alphabet: alphabet.name)
def alphabet(request):
    return request.param


def some_features(*frames):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(count, 40)).astype(np.float32) for count in frames]


def write_both(folder, alphabet):
    """Three utterances to train on and one to validate on; their features."""
    train, dev = TEXTS[alphabet.name]
    features = some_features(30, 10, 20), some_features(15)
    write(folder, alphabet, TRAIN, features[0], train)
    write(folder, alphabet, DEV, features[1], dev)
    return features


def test_what_is_written_is_loaded(tmp_path, alphabet):
    train, dev = write_both(tmp_path, alphabet)
    loaded = load(tmp_path, alphabet)
    assert (list(loaded.train.texts), list(loaded.validation.texts)) == TEXTS[
        alphabet.name
    ]
    assert loaded.train.frames == [30, 10, 20]
    assert loaded.validation.frames == [15]
    for part, features in ((loaded.train, train), (loaded.validation, dev)):
        for found, expected in zip(part.rows.features, features, strict=True):
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, expected)


def test_features_are_read_by_position_in_the_order_asked_for(tmp_path):
    train, _ = write_both(tmp_path, LETTERS)
    found = load(tmp_path, LETTERS).train.rows.read([2, 0])
    np.testing.assert_array_equal(found[0], train[2])
    np.testing.assert_array_equal(found[1], train[0])


def test_the_layout_is_the_homeworks(tmp_path):
    write_both(tmp_path, LETTERS)
    words = np.load(tmp_path / "train_transcripts.npy", allow_pickle=True)
    assert words[0].tolist() == [b"THE", b"CAT'S", b"HAT"]
    write_both(tmp_path, PHONEMES)
    labels = np.load(tmp_path / "train_labels.npy", allow_pickle=True)
    assert labels[0].tolist() == [0, 21, 3, 32]  # without the blank, SIL is 0
    features = np.load(tmp_path / "train.npy", allow_pickle=True)
    assert [one.shape for one in features] == [(30, 40), (10, 40), (20, 40)]


@pytest.mark.parametrize(
    "written",
    [
        [np.array([b"THE", b"CAT'S", b"HAT"]), np.array([b"A"]), np.array([b"YES"])],
        [np.array(["the", "cat's", "hat"]), np.array(["a"]), np.array(["yes"])],
        [["THE", "CAT'S", "HAT"], ["A"], ["YES"]],
        ["the  cat's hat ", "A", b"yes"],
        [list("THE CAT'S HAT"), list("A"), list("YES")],
        [np.array(["<sos>", *"THE CAT'S HAT", "<eos>"]), list("A"), list("YES")],
    ],
    ids=["bytes", "strings", "lists", "sentences", "characters", "marks"],
)
def test_words_characters_and_sentences_give_the_same_texts(tmp_path, written):
    write_both(tmp_path, LETTERS)
    write_objects(tmp_path / "train_transcripts.npy", written)
    assert load(tmp_path, LETTERS).train.texts == ("the cat's hat", "a", "yes")


def test_a_plain_array_of_sentences_is_read(tmp_path):
    write_both(tmp_path, LETTERS)
    np.save(tmp_path / "dev_transcripts.npy", np.array(["HELLO YOU"]))
    assert load(tmp_path, LETTERS).validation.texts == ("hello you",)


def test_utterances_of_one_length_may_be_one_plain_array(tmp_path):
    write_both(tmp_path, LETTERS)
    np.save(tmp_path / "train.npy", np.ones((3, 12, 40)))
    train = load(tmp_path, LETTERS).train
    assert train.frames == [12, 12, 12]
    assert train.rows.read([1])[0].dtype == np.float32


def test_the_other_name_of_the_features_is_found(tmp_path, alphabet):
    write_both(tmp_path, alphabet)
    (tmp_path / "train.npy").rename(tmp_path / "train_new.npy")
    assert load(tmp_path, alphabet).train.frames == [30, 10, 20]


def test_labels_that_count_the_blank_are_known_by_their_range(tmp_path):
    write_both(tmp_path, PHONEMES)
    plain = load(tmp_path, PHONEMES)
    for part, texts in ((TRAIN, plain.train.texts), (DEV, plain.validation.texts)):
        labels = [np.array(PHONEMES.encode(text)) for text in texts]
        assert min(map(min, labels)) == 1
        write_objects(tmp_path / f"{part}_labels.npy", labels)
    counted = load(tmp_path, PHONEMES)
    assert counted.train.texts == plain.train.texts
    assert counted.validation.texts == plain.validation.texts == ("SIL ZH",)


def test_the_checksum_is_that_of_the_content(tmp_path, alphabet):
    first, second, third = (tmp_path / name for name in "abc")
    for folder in (first, second, third):
        write_both(folder, alphabet)
    write(third, alphabet, DEV, some_features(16), TEXTS[alphabet.name][1])
    one, same, other = (load(folder, alphabet) for folder in (first, second, third))
    assert one.checksum == same.checksum != other.checksum


def test_the_transcripts_change_the_checksum(tmp_path):
    write_both(tmp_path, LETTERS)
    before = load(tmp_path, LETTERS)
    write_objects(tmp_path / "dev_transcripts.npy", [["HELP"]])
    after = load(tmp_path, LETTERS)
    assert after.checksum != before.checksum


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no folder .*nowhere: give the one"):
        load(tmp_path / "nowhere", LETTERS)


def test_a_missing_file_is_named_beside_what_is_there(tmp_path, alphabet):
    write_both(tmp_path, alphabet)
    (tmp_path / "dev.npy").unlink()
    found = r"no dev\.npy or dev_new\.npy in .*which holds dev_\w+\.npy, train"
    with pytest.raises(ValueError, match=found):
        load(tmp_path, alphabet)


def test_the_other_tasks_transcripts_do_not_do(tmp_path):
    write_both(tmp_path, LETTERS)
    with pytest.raises(ValueError, match=r"no train_labels\.npy in .*train_transcr"):
        load(tmp_path, PHONEMES)


def test_fewer_transcripts_than_utterances_are_counted(tmp_path, alphabet):
    train, _ = write_both(tmp_path, alphabet)
    write(tmp_path, alphabet, TRAIN, train, TEXTS[alphabet.name][0][:2])
    with pytest.raises(ValueError, match=r"train\.npy holds 3 .*npy holds 2: take"):
        load(tmp_path, alphabet)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((10, 13)), r"has shape \(10, 13\), expected \(T, 40\)"),
        (np.zeros((40,)), r"has shape \(40,\), expected \(T, 40\)"),
        (np.zeros((0, 40)), "has no frames: remove it"),
        (np.full((3, 40), np.nan), "is not finite in float32, first in frame 0"),
        (np.full((3, 40), 1e300), "is not finite in float32, first in frame 0"),
        ("features", "is not an array of numbers"),
        ([[1.0], [1.0, 2.0]], "is not an array of numbers"),
        ([[10**400] * 40], "is not an array of numbers"),
    ],
)
def test_bad_features_are_named_by_their_utterance(tmp_path, bad, message):
    train, _ = write_both(tmp_path, LETTERS)
    write_objects(tmp_path / "train.npy", [train[0], bad, train[2]])
    with pytest.raises(ValueError, match=rf"utterance 1 of .*train\.npy {message}"):
        load(tmp_path, LETTERS)


def test_the_first_frame_that_is_not_finite_is_named(tmp_path):
    train, _ = write_both(tmp_path, LETTERS)
    train[2][7:, 3] = np.inf
    write_objects(tmp_path / "train.npy", train)
    with pytest.raises(ValueError, match=r"utterance 2 .* first in frame 7"):
        load(tmp_path, LETTERS)


def test_an_empty_set_is_refused(tmp_path, alphabet):
    write_both(tmp_path, alphabet)
    write(tmp_path, alphabet, DEV, [], [])
    with pytest.raises(ValueError, match=r"dev\.npy holds no utterances"):
        load(tmp_path, alphabet)


@pytest.mark.parametrize("label", [-1, 41, 45])
def test_a_label_outside_the_alphabet_is_named(tmp_path, label):
    write_both(tmp_path, PHONEMES)
    labels = [np.array(row) for row in ([0, 5], [3, label], [4])]
    write_objects(tmp_path / "train_labels.npy", labels)
    message = rf"transcript 1 of .*train_labels\.npy: label {label} is outside 0 to 40"
    with pytest.raises(ValueError, match=message):
        load(tmp_path, PHONEMES)


@pytest.mark.parametrize(
    "bad", [np.array([1.5]), np.array([np.nan]), np.zeros((2, 2), int), ["K"], [10**30]]
)
def test_labels_that_are_no_whole_numbers_are_refused(tmp_path, bad):
    write_both(tmp_path, PHONEMES)
    write_objects(tmp_path / "dev_labels.npy", [bad])
    with pytest.raises(ValueError, match=r"transcript 0 of .*dev_labels\.npy: "):
        load(tmp_path, PHONEMES)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (["CAF\u00c9"], "holds 'É', for which the letters have no output"),
        ([b"CAF\xc9"], "holds 'É', for which the letters have no output"),
        ([7], "7 is no string"),
        ([], "is empty"),
        ([" "], "is empty"),
    ],
)
def test_a_bad_transcript_is_named(tmp_path, bad, message):
    write_both(tmp_path, LETTERS)
    write_objects(tmp_path / "train_transcripts.npy", [["YES"], bad, ["NO"]])
    with pytest.raises(ValueError, match=rf"transcript 1 of .*npy:? .*{message}"):
        load(tmp_path, LETTERS)


def test_a_hostile_file_is_refused(tmp_path):
    write_both(tmp_path, LETTERS)
    write_objects(tmp_path / "train.npy", [print])
    with pytest.raises(ValueError, match=r"train\.npy asks to load builtins\.print"):
        load(tmp_path, LETTERS)
