"""The two splits share no speaker."""

from workloads.corpora import espeak, speakers


def test_there_are_48_speakers_to_train_on_and_16_to_validate_on() -> None:
    assert (len(speakers.TRAIN), len(speakers.VALIDATION)) == (48, 16)


def test_no_voice_serves_twice() -> None:
    everyone = speakers.TRAIN + speakers.VALIDATION
    assert len({speaker.name for speaker in everyone}) == 64
    assert not set(speakers.TRAIN) & set(speakers.VALIDATION)


def test_every_validation_timbre_is_heard_in_training() -> None:
    heard = {(speaker.accent, speaker.variant) for speaker in speakers.TRAIN}
    assert heard == {(s.accent, s.variant) for s in speakers.VALIDATION}


def test_validation_lies_between_the_pitches_and_speeds_of_training() -> None:
    for name in ("pitch", "words_per_minute"):
        trained = [getattr(speaker, name) for speaker in speakers.TRAIN]
        for speaker in speakers.VALIDATION:
            assert min(trained) < getattr(speaker, name) < max(trained)
            assert getattr(speaker, name) not in trained


def test_every_speaker_speaks_and_no_two_sound_alike() -> None:
    everyone = speakers.TRAIN + speakers.VALIDATION
    sounds = {espeak.synthesize("hello", speaker).tobytes() for speaker in everyone}
    assert len(sounds) == 64
    assert all(len(sound) > 10_000 for sound in sounds)
