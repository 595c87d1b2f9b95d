import numpy as np
import pytest

from workloads.compression.sparse.container import read


@pytest.fixture
def example():
    """Equation 5.2 of the thesis that the formats come from."""
    matrix = np.zeros((4, 4), np.float32)
    matrix[0, 0], matrix[0, 2], matrix[3, 1], matrix[3, 3] = 0.1, 0.3, 0.6, 0.9
    return matrix


@pytest.fixture
def parts():
    """What lies in an encoding: fields of (count, width) in turn, then the values."""

    def read_parts(format, data, *fields):
        payload = read(format, data)
        found = [payload.fields(*one).tolist() for one in fields]
        _, bits = payload.entries(0)
        assert payload.fields(1, 0).tolist() == [0]
        return *found, bits.view(np.float32).tolist()

    return read_parts
