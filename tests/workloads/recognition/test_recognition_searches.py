import subprocess
import sys

import pytest

from workloads.recognition.searches import SEARCHES, check_beam, decoder_by


def test_a_search_is_known_by_its_own_name():
    assert set(SEARCHES) == {"flashlight", "kaldi-decoder", "fast-ctc-decode"}
    assert all(name == search.name for name, search in SEARCHES.items())


@pytest.mark.parametrize("name", ["kaldi-decoder", "fast-ctc-decode"])
def test_what_trainings_search_with_is_installed(name):
    assert SEARCHES[name].why_not_installed() is None


def test_a_search_that_is_not_installed_names_its_package_and_what_it_is_for(
    monkeypatch,
):
    monkeypatch.setattr("workloads.installed.find_spec", lambda module: None)
    reason = (
        "flashlight needs flashlight-text (wheels up to Python 3.12): run "
        "`pip install flashlight-text`"
    )
    assert SEARCHES["flashlight"].why_not_installed() == reason
    with pytest.raises(ImportError, match="needs flashlight-text"):
        decoder_by("flashlight", {"flashlight": str})


def test_a_decoder_is_found_by_the_name_of_its_search():
    decoders = {"fast-ctc-decode": str, "kaldi-decoder": int}
    assert decoder_by("kaldi-decoder", decoders) is int
    with pytest.raises(ValueError, match="'flashlight' here: expected one of fast-ctc"):
        decoder_by("flashlight", decoders)


@pytest.mark.parametrize(
    ("width", "narrowest", "message"),
    [(0, 1, "keeps nothing: use 1"), (1, 2, "beam of 1 is too narrow here: use 2")],
)
def test_a_beam_that_a_search_cannot_keep_is_refused(width, narrowest, message):
    check_beam(narrowest, narrowest)
    with pytest.raises(ValueError, match=message):
        check_beam(width, narrowest)


def test_naming_the_searches_loads_none():
    program = (
        "import sys, workloads.recognition.searches\n"
        "loaded = {'torch', 'flashlight', 'kaldi_decoder', 'fast_ctc_decode'}\n"
        "print(sorted(loaded & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
