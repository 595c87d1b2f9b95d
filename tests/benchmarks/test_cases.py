"""The cases that the benchmark files declare."""

from __future__ import annotations

import pytest

from harness.case import Case
from harness.plan import discover, plan
from harness.profile import PROFILES

WORKLOADS = discover()
# Those whose processes differ little: others would take hours to tell a change.
COMMITTED = {"asr-inference", "asr-step", "asr-decoding", "wav2letter", "separation"}


@pytest.mark.parametrize("profile", PROFILES)
def test_workloads_have_cases_in_every_profile_and_no_id_twice(
    profile: str,
) -> None:
    ids = [planned.case.id for planned in plan(WORKLOADS, profile, ["cpu"])]
    assert len(set(ids)) == len(ids)
    expected = COMMITTED if profile == "commit" else {w.name for w in WORKLOADS}
    assert {case_id.split("/")[0] for case_id in ids} == expected
    assert [Case.parse(case_id).id for case_id in ids] == ids


def test_a_commit_is_compared_by_few_short_cases() -> None:
    planned = plan(WORKLOADS, "commit", ["cpu"])
    assert len(planned) == 6
    assert 0 < sum(p.expected_s for p in planned) <= 45
    assert {p.case.compression for p in planned} == {"fp32", "int8-static"}


def test_smoke_runs_one_case_a_workload() -> None:
    assert len(plan(WORKLOADS, "smoke", ["cpu"])) == len(WORKLOADS)


@pytest.mark.parametrize(
    ("prefix", "limit_s"), [("", 12 * 60), ("asr-", 5 * 60), ("wav2letter", 90)]
)
def test_quick_is_declared_to_take_no_longer_than_promised(
    prefix: str, limit_s: float
) -> None:
    planned = plan(WORKLOADS, "quick", ["cpu"])
    declared = [p.expected_s for p in planned if p.case.id.startswith(prefix)]
    assert 0 < sum(declared) <= limit_s


def test_standard_has_every_compression_on_every_runtime_of_the_full_size() -> None:
    cases = [p.case for p in plan(WORKLOADS, "standard", ["cpu"])]
    full = [case for case in cases if case.model == "wav2letter"]
    assert {case.runtime for case in full} >= {
        *("onnxruntime", "openvino", "eager", "compile")
    }
    assert {case.compression for case in full} == {
        *("fp32", "bf16", "fp16", "int8-qat", "int16-weights", "w16a8"),
        *("int8-dynamic", "int8-dynamic-keep-first", "int8-dynamic-keep-edges"),
        *("int8-static", "int8-static-keep-first", "int8-static-keep-edges"),
        *("prune-l1-unstructured-50", "prune-l1-unstructured-50+int8-static"),
    }
    assert {case.batch_size for case in full} == {1, 2, 4, 8, 16, 32}


def test_the_session_options_of_onnx_runtime_are_cases() -> None:
    cases = [p.case for p in plan(WORKLOADS, "standard", ["cpu"])]
    options = {
        o for case in cases if case.workload == "wav2letter" for o in case.options
    }
    assert options == {
        *(("arena", "off"), ("graph", "basic"), ("graph", "off"), ("frames", "1000"))
    }


def test_training_in_quick_compares_batch_sizes_and_precisions() -> None:
    cases = [p.case for p in plan(WORKLOADS, "quick", ["cpu"])]
    trainings = [case for case in cases if case.workload == "asr-training"]
    assert len({case.batch_size for case in trainings}) >= 3
    assert {case.compression for case in trainings} == {"fp32", "bf16"}


def test_paper_trains_the_documents_size_at_its_batch_sizes() -> None:
    cases = [p.case for p in plan(WORKLOADS, "paper", ["cuda:0"])]
    trainings = [case for case in cases if case.workload == "asr-training"]
    assert {case.model for case in trainings} == {"ds2-paper"}
    assert {case.batch_size for case in trainings} == {96, 240, 300}
    assert {case.compression for case in trainings} == {"fp32", "bf16", "fp16"}
    beams = {case.option("beam") for case in cases if case.workload == "asr-decoding"}
    assert {"1", "16", "64", "256", "4096"} <= beams
