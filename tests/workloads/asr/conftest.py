import pytest

from workloads.asr.input_pipeline import Feed, build_feed
from workloads.corpora.utterance import Corpus


@pytest.fixture(scope="session")
def feed(tones: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Feed:
    return build_feed(tones, tmp_path_factory.mktemp("features"))
