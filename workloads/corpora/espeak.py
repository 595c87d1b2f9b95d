"""Speech synthesis by the espeak-ng library, and the sounds of words.

Axes: `S` samples.
"""

import _ctypes
import atexit
import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import espeakng_loader
import numpy as np

SAMPLE_RATE_HZ = 22_050

# From espeak-ng's public header, speak_lib.h.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_POSITION_CHARACTER = 1
_CHARS_UTF8 = 1
_RATE, _PITCH = 1, 3
_IPA = 2
_LONGEST_PATH = 150  # bytes; 159 were taken, 160 not
_SEPARATOR = "_"  # stands between sounds; IPA does not use it

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
_lock = threading.Lock()  # the library keeps its state in globals


@dataclass(frozen=True)
class Voice:
    """How a speaker sounds."""

    accent: str  # as espeak-ng names it: en-us, en-gb-scotland, cmn, ...
    variant: str  # espeak-ng's voice variant, which sets the formants: m3, f2, ...
    pitch: int  # 0 to 99, espeak-ng's own is 50
    words_per_minute: int  # 80 to 450, espeak-ng's own is 175

    @property
    def name(self) -> str:
        return f"{self.accent}-{self.variant.lower()}-p{self.pitch}"


def version() -> str:
    """The library's version, such as `1.52.0`."""
    with _loaded() as library:
        library.espeak_Info.restype = ctypes.c_char_p
        return library.espeak_Info(None).decode("ascii").split()[0]


def synthesize(text: str, voice: Voice) -> np.ndarray:
    """The text as the voice says it: int16, shape (S,), 22,050 Hz. ValueError for a
    voice that the library lacks, or a setting that it refuses."""
    chunks: list[bytes] = []

    def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _: int) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _CALLBACK(collect)  # must outlive the synthesis
    with _loaded() as library:
        _speak(library, text, voice, callback)
    return np.frombuffer(b"".join(chunks), dtype=np.int16)


def phonemes(texts: Sequence[str], accent: str) -> list[list[str]]:
    """How each text sounds: its sounds in IPA, stress marks before the stressed.
    Raises ValueError for an accent that the library lacks.

    >>> phonemes(["cheese"], "en-us")
    [['tʃ', 'ˈiː', 'z']]
    """
    with _loaded() as library:
        if library.espeak_SetVoiceByName(accent.encode()) != 0:
            raise ValueError(
                f"espeak-ng has no accent {accent!r}: choose one of its languages"
            )
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        return [_sounds(library, text) for text in texts]


def _sounds(library: ctypes.CDLL, text: str) -> list[str]:
    mode = _IPA | ord(_SEPARATOR) << 8
    rest = ctypes.c_char_p(text.encode())
    sounds: list[str] = []
    while rest.value:  # each call takes a clause, and moves on behind it
        clause = library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, mode)
        sounds += clause.decode().replace(" ", _SEPARATOR).split(_SEPARATOR)
    return [sound for sound in sounds if sound]


@contextlib.contextmanager
def _loaded() -> Iterator[ctypes.CDLL]:
    """The library, for one caller at a time.

    Its pitch flutter and noise run on from one utterance to the next in static
    variables that neither its terminate nor its seed call resets. Loading it anew for
    each utterance does (4 ms), and makes an utterance the same in any order.
    """
    with _lock:
        data_path = _short_data_path(espeakng_loader.get_data_path())
        library = ctypes.CDLL(espeakng_loader.get_library_path())
        try:
            rate_hz = library.espeak_Initialize(
                _AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path.encode(), 0
            )
            if rate_hz != SAMPLE_RATE_HZ:
                raise ValueError(
                    f"espeak-ng started with {rate_hz} Hz, expected {SAMPLE_RATE_HZ} "
                    f"Hz, from the data in {data_path}: reinstall espeakng-loader"
                )
            yield library
        finally:
            library.espeak_Terminate()
            close_name = "FreeLibrary" if sys.platform == "win32" else "dlclose"
            getattr(_ctypes, close_name)(library._handle)


@cache
def _short_data_path(path: str) -> str:
    """The library keeps the path in an array of fixed size; a longer one it does not
    take, looks where it was built, and ends the process. A link to it from the folder
    for temporary files is shorter."""
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    folder = tempfile.mkdtemp(prefix="espeak-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = os.path.join(folder, Path(path).name)
    if len(os.fsencode(link)) > _LONGEST_PATH:
        raise ValueError(
            f"espeak-ng takes no data path of more than {_LONGEST_PATH} bytes, and "
            f"{path} and {link} are longer: set TMPDIR to a shorter folder"
        )
    os.symlink(path, link, target_is_directory=True)
    return link


def _speak(
    library: ctypes.CDLL, text: str, voice: Voice, callback: "ctypes._FuncPointer"
) -> None:
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))
    library.espeak_SetSynthCallback(callback)
    name = f"{voice.accent}+{voice.variant}"
    variants = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    # The library itself lets an unknown variant pass and speaks without one.
    known = (variants / voice.variant).is_file()
    if not known or library.espeak_SetVoiceByName(name.encode()) != 0:
        raise ValueError(
            f"espeak-ng has no voice {name}: choose an accent from its languages and "
            "a variant from its voices/!v"
        )
    for parameter, value in ((_RATE, voice.words_per_minute), (_PITCH, voice.pitch)):
        if library.espeak_SetParameter(parameter, value, 0) != 0:
            raise ValueError(f"espeak-ng refuses {value} as a setting of {voice}")
    encoded = text.encode()
    status = library.espeak_Synth(
        encoded, len(encoded) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None
    )
    if status != 0:
        raise ValueError(f"espeak-ng cannot say {text!r} (status {status})")
    library.espeak_Synchronize()
