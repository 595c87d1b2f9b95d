import pytest
from recorded import result_file


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes result files into a folder that is the working one, too."""
    monkeypatch.chdir(tmp_path)

    def written(name, *records, **changes):
        return str(result_file(tmp_path / name, *records, **changes))

    return written
