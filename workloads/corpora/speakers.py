"""The speakers of the built-in corpus: 48 to train on, 16 others to validate on.

A speaker is a timbre (a voice variant of espeak-ng with an accent), a pitch and a
speed. Each timbre serves three training speakers, and one validation speaker whose
pitch and speed lie between theirs: with timbres that training never heard, half an hour
of it left about twice the character errors, which hid what batch size and precision do.
Whispering, robotic and distorted variants are left out, and those of the library's
Klatt synthesiser: one of them (Reed) reads memory that it never wrote, so that no two
runs gave the same audio.
"""

from workloads.corpora.espeak import Voice

_ACCENTS = ("en-us", "en-us", "en-gb-x-rp")
_VARIANTS = (
    *("m1", "f1", "m2", "f2", "m3", "f3", "m4", "f4", "m5", "f5"),
    *("Alex", "Alicia", "Andrea", "Annie", "Michael", "linda"),
)
# (pitch, words per minute); pitch 50 is a variant's own
_TRAIN_MANNERS = ((35, 165), (50, 140), (65, 180))
_VALIDATION_MANNERS = ((42, 150), (57, 160))


def _speaker(timbre: int, manner: tuple[int, int]) -> Voice:
    pitch, words_per_minute = manner
    accent = _ACCENTS[timbre % len(_ACCENTS)]
    return Voice(accent, _VARIANTS[timbre], pitch, words_per_minute)


TRAIN = tuple(
    _speaker(timbre, manner)
    for timbre in range(len(_VARIANTS))
    for manner in _TRAIN_MANNERS
)
VALIDATION = tuple(
    _speaker(timbre, _VALIDATION_MANNERS[timbre % len(_VALIDATION_MANNERS)])
    for timbre in range(len(_VARIANTS))
)
