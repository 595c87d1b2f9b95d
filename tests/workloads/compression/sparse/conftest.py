import numpy as np
import pytest

from workloads.compression.sparse.container import read
from workloads.compression.sparse.fields import unpacked


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
        header, payload = read(format, data)
        found = []
        for count, width in fields:
            end = -(-count * width // 8)
            found.append(unpacked(payload[:end], range(count), width).tolist())
            payload = payload[end:]
        return *found, header.values(payload).view(header.dtype).tolist()

    return read_parts
