"""The paper's data as they lie on disk: arrays of features beside their transcripts.

The homework data of CMU 11-785, as its participants' public code reads them. One folder
holds, for `train` and for `dev`:

| file | holds, of each utterance |
|---|---|
| `train.npy` or `train_new.npy` | floats (T, 40) |
| `train_transcripts.npy` (letters, HW4P2) | words, characters or one string |
| `train_labels.npy` (phonemes, HW3P2) | integers from 0 to 40 |

Strings may be bytes. The labels do not count the blank: 0 is the silence SIL, 40 is ZH.
Labels that reach 41 and are never 0 are taken to count it. (The same homework of
earlier years had 46 other phonemes, in files called `wsj0_...`: that is another task.)

Axes: `T` frames.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from basics.files import file_sha256
from workloads.corpora.faults import AbsentError
from workloads.corpora.utterance import HOP_SAMPLES, SAMPLE_RATE_HZ
from workloads.feeding.normaliser import RunningMoments
from workloads.recognition.data import Part, Recordings
from workloads.wav2letter import object_arrays
from workloads.wav2letter.sizes import FEATURES
from workloads.wav2letter.symbols import Alphabet, is_mark

HOP_S = HOP_SAMPLES / SAMPLE_RATE_HZ
TRAIN, DEV = "train", "dev"
FEATURE_FILES = ("{part}.npy", "{part}_new.npy")
TRANSCRIPT_FILES = ("{part}_transcripts.npy",)
LABEL_FILES = ("{part}_labels.npy",)


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Features in memory, float32 (T, 40) of each utterance."""

    features: tuple[np.ndarray, ...]

    @cached_property
    def frames(self) -> list[int]:
        return [len(features) for features in self.features]

    def read(self, positions: Sequence[int]) -> list[np.ndarray]:
        return [self.features[position] for position in positions]


def load(folder: Path, alphabet: Alphabet) -> Recordings:
    """Both parts from a folder; all features are held in memory.

    Raises AbsentError for a missing file, and ValueError, naming the file and the
    utterance, for a file that `object_arrays.read` refuses, features that are not
    finite or not (T, 40) with a T of 1 or more, transcripts that are empty, fewer or
    more than the utterances, or outside the alphabet.
    """
    names = LABEL_FILES if alphabet.is_spaced else TRANSCRIPT_FILES
    paths = [
        (_first(folder, FEATURE_FILES, part), _first(folder, names, part))
        for part in (TRAIN, DEV)
    ]
    transcripts = [path for _, path in paths]
    if alphabet.is_spaced:
        texts = _read_labels(transcripts, alphabet)
    else:
        texts = [_transcripts(path, alphabet) for path in transcripts]
    train, dev = (
        _part(*of_part, part_texts, alphabet)
        for of_part, part_texts in zip(paths, texts, strict=True)
    )
    moments = RunningMoments(FEATURES)
    for position in range(len(train.texts)):
        moments.add(*train.rows.read([position]))
    checksum = _joined(_joined(map(file_sha256, of_part)) for of_part in paths)
    name = f"arrays-{alphabet.name}"
    return Recordings(name, checksum, train, dev, moments.normaliser())


def _first(folder: Path, patterns: Sequence[str], part: str) -> Path:
    names = [pattern.format(part=part) for pattern in patterns]
    if not folder.is_dir():
        raise AbsentError(f"no folder {folder}: give the one that holds {names[0]}")
    for name in names:
        if (folder / name).is_file():
            return folder / name
    present = sorted(path.name for path in folder.glob("*.npy"))
    raise AbsentError(
        f"no {' or '.join(names)} in {folder}, which holds "
        f"{', '.join(present) or 'no .npy files'}: put the file there, or rename it"
    )


def _part(
    path: Path, texts_path: Path, texts: Sequence[str], alphabet: Alphabet
) -> Part:
    found = object_arrays.read(path)
    if found.ndim == 0 or len(found) == 0:
        raise ValueError(
            f"{path} holds no utterances, expected an array of (T, "
            f"{FEATURES}) arrays: replace the file"
        )
    if len(found) != len(texts):
        raise ValueError(
            f"{path} holds {len(found)} utterances, {texts_path} holds {len(texts)}: "
            "take both from one set"
        )
    rows = ArrayRows(tuple(_features(path, i, one) for i, one in enumerate(found)))
    durations_s = tuple(HOP_S * frames for frames in rows.frames)
    return Part(rows, tuple(texts), durations_s, alphabet)


def _features(path: Path, position: int, found: Any) -> np.ndarray:
    where = f"utterance {position} of {path}"
    try:
        with np.errstate(over="ignore"):  # an infinity is named below
            features = np.asarray(found, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{where} is not an array of numbers ({error})") from error
    if features.ndim != 2 or features.shape[1] != FEATURES:
        raise ValueError(
            f"{where} has shape {features.shape}, expected (T, {FEATURES}): compute "
            f"{FEATURES} features a frame, frames first"
        )
    if len(features) == 0:
        raise ValueError(f"{where} has no frames: remove it and its transcript")
    if not np.isfinite(features).all():
        frame = int(np.argwhere(~np.isfinite(features))[0, 0])
        raise ValueError(
            f"{where} is not finite in float32, first in frame {frame}: remove it and "
            "its transcript, or compute its features again"
        )
    return features


def _transcripts(path: Path, alphabet: Alphabet) -> list[str]:
    marks = set(filter(is_mark, alphabet.symbols))
    read = _each(path, _strings)
    spelt = [[string for string in one if string not in marks] for one in read]
    # Characters or words? Nobody says "A I A I" in every utterance of a set.
    characters = all(len(string) <= 1 for one in spelt for string in one)
    texts = [("" if characters else " ").join(one) for one in spelt]

    def written(text: str) -> str:
        return alphabet.decode(alphabet.encode(" ".join(text.split())))

    return _checked(path, texts, written)


def _strings(found: Any) -> list[str]:
    """Those of one transcript, which may itself be a string."""
    items: list[Any] = [found] if isinstance(found, str | bytes) else list(found)
    items = [x.decode("latin1") if isinstance(x, bytes) else x for x in items]
    for item in items:
        if not isinstance(item, str):
            raise TypeError(f"{item!r} is no string")
    return items


def _read_labels(paths: Sequence[Path], alphabet: Alphabet) -> list[list[str]]:
    labels = [_each(path, _integers) for path in paths]
    seen = {int(label) for one in labels for row in one for label in np.unique(row)}
    counts_blank = alphabet.outputs - 1 in seen and 0 not in seen
    first = 1 if counts_blank else 0
    return [
        _checked(path, one, lambda row: _phonemes(row, first, alphabet))
        for path, one in zip(paths, labels, strict=True)
    ]


def _integers(found: Any) -> np.ndarray:
    row = np.atleast_1d(np.asarray(found))
    with np.errstate(invalid="ignore"):  # no whole number equals NaN
        labels = row.astype(np.int64)
    if row.ndim != 1 or not np.array_equal(labels, row):
        raise TypeError(
            f"{row.dtype} of shape {row.shape}, expected whole numbers (n,)"
        )
    return labels


def _phonemes(row: np.ndarray, first: int, alphabet: Alphabet) -> str:
    last = first + alphabet.outputs - 2
    outside = row[(row < first) | (row > last)]
    if outside.size:
        raise ValueError(f"label {outside[0]} is outside {first} to {last}")
    return alphabet.decode(row - first + 1)


def _each(path: Path, parse: Callable[[Any], Any]) -> list[Any]:
    found = object_arrays.read(path)
    return _checked(path, found if found.ndim else [], parse)


def _checked(
    path: Path, found: Iterable[Any], parse: Callable[[Any], Any]
) -> list[Any]:
    """What `parse` makes of each transcript, which must not be empty."""
    parsed = []
    for position, one in enumerate(found):
        where = f"transcript {position} of {path}"
        try:
            parsed.append(parse(one))
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{where}: {error}: correct or remove it") from error
        if len(parsed[-1]) == 0:
            raise ValueError(f"{where} is empty: remove it and its features")
    return parsed


def _joined(digests: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode("ascii")).hexdigest()
