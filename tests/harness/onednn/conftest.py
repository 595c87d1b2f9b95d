from pathlib import Path

import pytest
from onednn_logs import HEAD, STEP


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "step.log"
    path.write_text(HEAD + "epoch 1\n" + 2 * STEP)
    return path
