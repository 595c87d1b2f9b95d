"""The synthesiser's audio depends on its arguments and on nothing else."""

# ruff: noqa: RUF001  IPA has letters that look like others

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace

import espeakng_loader
import numpy as np
import pytest

from workloads.corpora import espeak
from workloads.corpora.espeak import Voice

VOICE = Voice("en-us", "m3", pitch=50, words_per_minute=160)
SENTENCE = "the old farmer sold seven apples"
OTHERS = ["i don't know", "she opened the window", "thirty five"]


def test_the_version_has_three_numbers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", espeak.version())


def test_speech_is_16_bit_and_lasts_as_long_as_the_speed_says() -> None:
    samples = espeak.synthesize(SENTENCE, VOICE)
    assert samples.dtype == np.int16
    assert 1.5 < len(samples) / espeak.SAMPLE_RATE_HZ < 3
    assert np.abs(samples).max() > 3_000


@pytest.mark.parametrize("variant", ["m3", "f2", "Annie", "grandpa"])
def test_an_utterance_is_the_same_alone_and_after_others(variant: str) -> None:
    voice = replace(VOICE, variant=variant)
    alone = espeak.synthesize(SENTENCE, voice)
    for other in OTHERS:
        espeak.synthesize(other, replace(VOICE, pitch=70))
    np.testing.assert_array_equal(espeak.synthesize(SENTENCE, voice), alone)


@pytest.mark.parametrize(
    "change",
    [{"accent": "en-029"}, {"variant": "f2"}, {"pitch": 70}, {"words_per_minute": 200}],
    ids=lambda change: next(iter(change)),
)
def test_each_setting_of_a_voice_changes_the_speech(change: dict[str, object]) -> None:
    usual = espeak.synthesize(SENTENCE, VOICE)
    changed = espeak.synthesize(SENTENCE, replace(VOICE, **change))  # type: ignore[arg-type]
    assert not np.array_equal(usual, changed)


def test_the_text_changes_the_speech() -> None:
    one, two = (espeak.synthesize(text, VOICE) for text in OTHERS[:2])
    assert not np.array_equal(one, two)


@pytest.mark.parametrize(
    ("change", "name"),
    [({"variant": "nobody"}, "en-us+nobody"), ({"accent": "en-xy"}, "en-xy+m3")],
)
def test_a_voice_that_does_not_exist_is_named(
    change: dict[str, str], name: str
) -> None:
    with pytest.raises(ValueError, match=f"no voice {re.escape(name)}: choose"):
        espeak.synthesize(SENTENCE, replace(VOICE, **change))  # type: ignore[arg-type]


def test_sounds_are_in_ipa_with_stress_and_one_list_for_each_text() -> None:
    found = espeak.phonemes(["cheese", "", "a banana"], "en-us")
    assert found == [["tʃ", "ˈiː", "z"], [], ["ɐ", "b", "ɐ", "n", "ˈæ", "n", "ə"]]


def test_the_sounds_of_every_clause_are_there() -> None:
    (found,) = espeak.phonemes(["yes, no; five."], "en-us")
    assert found == ["j", "ˈɛ", "s", "n", "ˈoʊ", "f", "ˈaɪ", "v"]


def test_the_accent_changes_the_sounds() -> None:
    american, british = (
        espeak.phonemes(["bath"], accent) for accent in ("en-us", "en-gb-scotland")
    )
    assert american != british


def test_an_accent_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="no accent 'en-xy': choose"):
        espeak.phonemes(["yes"], "en-xy")


SPEAK = """
import sys
import espeakng_loader
from workloads.corpora import espeak

espeakng_loader.get_data_path = lambda: sys.argv[1]
print(len(espeak.synthesize("hello", espeak.Voice("en-us", "m3", 50, 175))))
"""


def far_away(tmp_path):
    """The library's data under a path of more bytes than it takes."""
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    link = folder / "espeak-ng-data"
    link.symlink_to(espeakng_loader.get_data_path(), target_is_directory=True)
    return link


def speak(link, **variables):
    return subprocess.run(
        [sys.executable, "-c", SPEAK, str(link)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


def test_a_data_path_that_is_too_long_for_the_library_is_shortened(tmp_path):
    temporary = tempfile.mkdtemp(dir="/tmp")
    done = speak(far_away(tmp_path), TMPDIR=temporary)
    assert int(done.stdout) > 1000, done.stderr
    assert os.listdir(temporary) == []
    os.rmdir(temporary)


def test_where_no_short_path_can_be_had_the_remedy_is_told(tmp_path):
    link = far_away(tmp_path)
    done = speak(link, TMPDIR=str(link.parent))
    assert "set TMPDIR to a shorter folder" in done.stderr
