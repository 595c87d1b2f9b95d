"""The Wav2Letter paper's arrays, as its data set lays them out: words as bytes, labels
from 0."""

import numpy as np

from workloads.wav2letter.arrays import FEATURE_FILES, LABEL_FILES, TRANSCRIPT_FILES


def write(folder, alphabet, part, features, texts):
    """One part, TRAIN or DEV."""
    names = LABEL_FILES if alphabet.is_spaced else TRANSCRIPT_FILES
    encode = _labels_from_0 if alphabet.is_spaced else _upper_case_words
    folder.mkdir(parents=True, exist_ok=True)
    write_objects(folder / FEATURE_FILES[0].format(part=part), features)
    transcripts = [encode(text, alphabet) for text in texts]
    write_objects(folder / names[0].format(part=part), transcripts)


def write_objects(path, elements):
    """An array of objects of shape (len(elements),)."""
    array = np.empty(len(elements), dtype=object)
    for position, element in enumerate(elements):
        array[position] = element
    np.save(path, array, allow_pickle=True)


def _labels_from_0(text, alphabet):
    return np.array(alphabet.encode(text), dtype=np.int64) - 1


def _upper_case_words(text, alphabet):
    return np.array([word.upper().encode("ascii") for word in text.split()])
