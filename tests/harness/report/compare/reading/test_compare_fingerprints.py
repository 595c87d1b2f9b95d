"""In which lines of their fingerprints machines differ."""

from recorded import (
    file,
    record,
)

from harness.report.compare.differences import flat
from harness.report.compare.model import Difference


def test_machines_differ_line_by_line(matched):
    other = {
        "host": "beta",
        "cpu_isa": ["avx2"],
        "cpu_turbo": None,
        "cpu_smt": True,
        "settings": {"OMP_NUM_THREADS": "2"},
        "gpu_devices": [{"name": "T4", "memory_bytes": 16}],
    }
    found = matched(file("a"), file("b", machine=other)).differences
    assert found == (
        Difference("host", {"a": "alpha", "b": "beta"}),
        Difference("cpu_isa", {"a": "avx2, fma", "b": "avx2"}),
        Difference("gpu_devices", {"a": "none"}),
        Difference("gpu_devices.0.name", {"b": "T4"}),
        Difference("gpu_devices.0.memory_bytes", {"b": "16"}),
        Difference("settings.OMP_NUM_THREADS", {"b": "2"}),
        Difference("cpu_turbo", {"b": "unknown"}),
        Difference("cpu_smt", {"b": "yes"}),
    )


def test_what_differs_after_the_part_that_is_shown_differs(matched):
    flags = [f"flag{number}" for number in range(100)]
    found = matched(
        file("a", machine={"cpu_flags": flags}),
        file("b", machine={"cpu_flags": [*flags, "amx"]}),
    ).differences
    assert [one.name for one in found] == ["cpu_flags"]
    assert [len(text) for text in found[0].found.values()] == [300, 300]


def test_a_fingerprint_has_lines(matched):
    gpus = [{"name": "T4", "memory_bytes": None}, {"name": "A100", "ecc": False}]
    facts = {"host": "a", "gpu_devices": gpus, "isa": ["x"] * 999, "y" * 999: {"z": {}}}
    assert list(flat(facts)) == [
        ("host", "a"),
        ("gpu_devices.0.name", "T4"),
        ("gpu_devices.0.memory_bytes", "unknown"),
        ("gpu_devices.1.name", "A100"),
        ("gpu_devices.1.ecc", "no"),
        ("isa", ("x, " * 999)[:299] + "\u2026"),
    ]
    assert next(flat({"y" * 999: 1})) == ("y" * 299 + "\u2026", "1")


def test_runs_of_one_machine_may_differ_too(matched):
    found = matched(
        file("a", record([1.0]), machine={"memory_swap_bytes": 1}),
        file("a", record([2.0]), machine={"memory_swap_bytes": 2}),
    )
    assert found.differences == (Difference("memory_swap_bytes", {"a": "1 and 2"}),)
    assert found.works[0].same


def test_facts_are_shortened(matched):
    found = matched(file("a"), file("b", run={"suite_version": "9" * 10_000}))
    assert len(found.mismatches[0].found["b"]) == 300
