import numpy as np
import pytest

from workloads.compression.sparse.container import Payload, read


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
        payload = Payload(*read(format, data))
        found = [payload.fields(*one).tolist() for one in fields]
        values = payload.values().view(payload.header.dtype).tolist()
        payload.check_end()
        return *found, values

    return read_parts
