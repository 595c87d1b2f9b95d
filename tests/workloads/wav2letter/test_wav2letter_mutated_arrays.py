"""Files that were changed at random: each is read or refused, and ends no process."""

import io
import pickle
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from paper_arrays import ELEMENTS, array_of

from workloads.wav2letter import object_arrays


def seeds_of_mutations() -> list[bytes]:
    """Files of every kind that is read."""
    files = []
    for protocol in (0, 2, 3, 4):
        buffer = io.BytesIO()
        header = {"descr": "|O", "fortran_order": False, "shape": (len(ELEMENTS),)}
        np.lib.format.write_array_header_1_0(buffer, header)
        files.append(buffer.getvalue() + pickle.dumps(array_of(ELEMENTS), protocol))
    for plain in (np.eye(3, dtype=np.float32), np.array(["ab", "c"])):
        buffer = io.BytesIO()
        np.save(buffer, plain)
        files.append(buffer.getvalue())
    return files


def mutated(files: list[bytes], draw: random.Random) -> bytes:
    """A file with a few bytes changed, left out, doubled or put in from another."""
    data = bytearray(draw.choice(files))
    for _ in range(draw.randint(1, 6)):
        place, length = draw.randrange(len(data)), draw.randint(1, 12)
        kind = draw.randrange(5)
        if kind == 0:
            data[place] = draw.randrange(256)
        elif kind == 1:
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 2:
            del data[place : place + length]
        elif kind == 3:
            data[place:place] = data[place : place + length]
        else:
            other = draw.choice(files)
            begin = draw.randrange(len(other))
            data[place : place + length] = other[begin : begin + length]
        data = data or bytearray(b"\x93")
    return bytes(data)


def use(found: object, depth: int = 0) -> None:
    """Touch every value, as a reader of the array would."""
    assert depth < 20
    if isinstance(found, list) or (isinstance(found, np.ndarray) and found.ndim):
        for one in found:
            use(one, depth + 1)
    else:
        repr(found)


def try_mutations(count: int, folder: Path) -> int:
    """How many of so many mutations are read; all others raise ValueError."""
    files, draw, path = seeds_of_mutations(), random.Random(0), folder / "x.npy"
    read = 0
    for _ in range(count):
        path.write_bytes(mutated(files, draw))
        try:
            use(object_arrays.read(path))
            read += 1
        except ValueError as error:
            if str(path) not in str(error):
                raise AssertionError("an error that does not name its file") from error
    return read


@pytest.mark.parametrize(
    "count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)]
)
def test_no_mutation_ends_the_process_or_raises_anything_else(tmp_path, count):
    """In a process of its own: what this looks for is a crash."""
    program = (
        f"import sys; sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}\n"
        "import test_wav2letter_mutated_arrays as tests, pathlib\n"
        f"print(tests.try_mutations({count}, pathlib.Path({str(tmp_path)!r})))"
    )
    # numpy warns of some headers, which is no error.
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert 0 < int(done.stdout) < count
