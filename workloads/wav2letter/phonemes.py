"""Phonemes of English text, for corpora that come with words alone.

espeak-ng's American voice says how each word sounds, whoever speaks it in the corpus:
the labels are those of a dictionary, as in the paper's data. Words are looked up one
by one, so that a word has the same phonemes wherever it stands; in a sentence,
espeak-ng would weaken some ("a" and "the" lose their vowels, "on" its stress).
"""

# ruff: noqa: RUF001  IPA has letters that look like others

from collections.abc import Sequence

from workloads.corpora import espeak

ACCENT = "en-us"
_STRESS = str.maketrans("", "", "ˈˌ")

# The sounds of espeak-ng's en-us voice in IPA, and ARPAbet without stress. ARPAbet has
# fewer; the CMU dictionary decides: schwa is AH, the reduced i of "roses" is IH. The
# flap is T, because that voice flaps t alone ("ladder" keeps its d).
_ARPABET = {
    # vowels
    "ɑː": "AA", "ɑ": "AA", "a": "AE", "æ": "AE", "aː": "AA",
    "ʌ": "AH", "ə": "AH", "ɐ": "AH",
    "ɔ": "AO", "ɔː": "AO", "ɒ": "AA", "ɛ": "EH", "ɜː": "ER", "ɚ": "ER",
    "ɪ": "IH", "ᵻ": "IH", "i": "IY", "iː": "IY",
    "ʊ": "UH", "u": "UW", "uː": "UW",
    # diphthongs
    "aʊ": "AW", "aɪ": "AY", "eɪ": "EY", "oʊ": "OW", "ɔɪ": "OY",
    "iə": "IY AH", "aɪə": "AY AH", "aɪɚ": "AY ER",
    # vowels coloured by an r
    "ɑːɹ": "AA R", "ɔːɹ": "AO R", "oːɹ": "AO R", "ɛɹ": "EH R", "ɪɹ": "IH R",
    "ʊɹ": "UH R",
    # consonants that are a syllable
    "əl": "AH L", "l̩": "AH L", "n̩": "AH N", "m̩": "AH M",
    # consonants
    "b": "B", "tʃ": "CH", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "h": "HH",
    "dʒ": "JH", "k": "K", "l": "L", "m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R",
    "s": "S", "ʃ": "SH", "t": "T", "ɾ": "T", "ʔ": "T", "θ": "TH", "v": "V", "w": "W",
    "j": "Y", "z": "Z", "ʒ": "ZH",
    # consonants of names from elsewhere ("Bach")
    "x": "K", "r": "R",
}  # fmt: skip


def phonemes(texts: Sequence[str]) -> list[str]:
    """The phonemes of each text with spaces between them.

    Raises ValueError, naming word and sound, for a sound that ARPAbet has no symbol of.

    >>> phonemes(["nothing", "a"])
    ['N AH TH IH NG', 'EY']
    """
    words = sorted({word for text in texts for word in text.split()})
    sounds = espeak.phonemes(words, ACCENT)  # of all at once: it loads a library
    spelt = dict(zip(words, map(_arpabet, words, sounds), strict=True))
    return [" ".join(spelt[word] for word in text.split()) for text in texts]


def _arpabet(word: str, sounds: Sequence[str]) -> str:
    symbols: list[str] = []
    for sound in sounds:
        for symbol in _symbols(word, sound):
            # espeak-ng writes some r twice: in the vowel and after it ("tourist").
            if symbol != "R" or symbols[-1:] not in (["R"], ["ER"]):
                symbols.append(symbol)
    if not symbols:
        raise ValueError(f"espeak-ng says nothing for {word!r}: leave the word out")
    return " ".join(symbols)


def _symbols(word: str, sound: str) -> list[str]:
    plain = sound.translate(_STRESS)
    if plain not in _ARPABET:
        raise ValueError(
            f"the sound {plain!r} of {word!r} has no ARPAbet symbol: leave the word "
            "out, or spell it as English sounds"
        )
    return _ARPABET[plain].split()
