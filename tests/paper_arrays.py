"""The Wav2Letter paper's arrays, as its data set lays them out: words as bytes, labels
from 0."""

import numpy as np

from workloads.wav2letter.arrays import FEATURE_FILES, LABEL_FILES, TRANSCRIPT_FILES

# Of every kind that such files may hold.
ELEMENTS = [
    np.arange(6, dtype=np.float32).reshape(3, 2),
    np.array([b"HELLO", b"WORLD"]),
    np.array(["HE", "YOU"]),
    np.array([b"A", "B"], dtype=object),
    b"bytes",
    b"",
    "text",
    ["A", "list"],
    7,
    np.float64(1.5),
]


def write(folder, alphabet, part, features, texts):
    """One part, TRAIN or DEV."""
    names = LABEL_FILES if alphabet.is_spaced else TRANSCRIPT_FILES
    encode = _labels_from_0 if alphabet.is_spaced else _upper_case_words
    folder.mkdir(parents=True, exist_ok=True)
    write_objects(folder / FEATURE_FILES[0].format(part=part), features)
    transcripts = [encode(text, alphabet) for text in texts]
    write_objects(folder / names[0].format(part=part), transcripts)


def array_of(elements):
    """Of objects, of shape (len(elements),)."""
    array = np.empty(len(elements), dtype=object)
    for position, element in enumerate(elements):
        array[position] = element
    return array


def write_objects(path, elements):
    np.save(path, array_of(elements), allow_pickle=True)


def _labels_from_0(text, alphabet):
    return np.array(alphabet.encode(text), dtype=np.int64) - 1


def _upper_case_words(text, alphabet):
    return np.array([word.upper().encode("ascii") for word in text.split()])
