import tracemalloc
from dataclasses import replace

from recorded import CASE, record, result_file

from harness.report.compare.reading.gather import gather


def test_a_file_is_read_in_less_memory_than_it_has_bytes(tmp_path):
    """Of each sample 8 bytes stay, of each case some objects, and of the file a piece
    at a time: its lines, its JSON and its numbers, some 100 bytes a sample."""
    cases, samples = 200, 1000
    records = [
        record([1e-3 + 1e-9 / (i + 3) for i in range(samples)], case=case)
        for case in (replace(CASE, batch_size=size) for size in range(1, cases + 1))
    ]
    path = result_file(tmp_path / "a.json", *records)
    del records
    tracemalloc.start()
    gathered = gather([str(path)])
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(gathered.attempts["alpha"]) == cases
    of_cases, of_a_piece, others = cases * 12_000, 2 * samples * 200, 500_000
    assert peak_bytes < cases * samples * 8 + of_cases + of_a_piece + others
    assert path.stat().st_size > 2 * peak_bytes
