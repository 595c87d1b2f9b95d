"""The cases that the benchmark files declare."""

from __future__ import annotations

import pytest

from harness.case import Case
from harness.plan import discover, plan
from harness.profile import PROFILES
from harness.workload import Workload
from workloads.compression.known import parse
from workloads.runtimes.known import RUNTIMES, why_not
from workloads.runtimes.runtime import Place
from workloads.separation import sizes
from workloads.tasks import all_tasks, size_named

WORKLOADS = discover()


@pytest.mark.parametrize("profile", PROFILES)
def test_no_id_is_declared_twice(profile: str) -> None:
    ids = [planned.case.id for planned in plan(WORKLOADS, profile, ["cpu"])]
    assert ids
    assert len(set(ids)) == len(ids)
    assert [Case.parse(case_id).id for case_id in ids] == ids


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda one: one.name)
def test_a_workload_has_cases_of_every_profile_but_where_they_take_too_long(
    workload: Workload,
) -> None:
    """A whole training may be too long for `quick`; `commit` has some cases of few."""
    declared = {profile for profile in PROFILES if workload.cases(profile, "cpu")}
    assert {"smoke", "standard", "paper"} <= declared
    assert workload.stage == "train" or "quick" in declared


def inference_cases() -> list[Case]:
    """All that a model of some task runs on some runtime, whatever the profile."""
    sizes = {name for task in all_tasks() for name in task.sizes}
    cases = {
        planned.case
        for profile in PROFILES
        for planned in plan(WORKLOADS, profile, ["cpu"])
        if planned.workload.stage == "infer"
    }
    return sorted(c for c in cases if c.model in sizes and c.runtime in RUNTIMES)


def test_only_sparse_kernels_of_cuda_are_skipped_on_a_plain_cpu() -> None:
    place = Place("cpu", None, 2)
    reasons = set()
    for case in inference_cases():
        task, size = size_named(case.model)
        compression, options = parse(case.compression), dict(case.options)
        reason = why_not(task, size, compression, case.runtime, place, options)
        if reason and options.get("weights") != "2of4":
            pytest.fail(f"{case.id}: {reason}")
        reasons.add(reason)
    sparse = "products of 2:4 sparse weights are for CUDA: use --hardware=cuda:0"
    assert reasons == {None, sparse}


def test_only_compressions_that_can_change_a_layer_are_declared() -> None:
    """Conv-TasNet has no linear layer for tsvd."""
    factorized = {
        (case.model.removesuffix("-small").removesuffix("-8"), method)
        for case in inference_cases()
        for method in ("cp", "tucker", "tsvd")
        if case.compression.startswith(f"{method}-")
    }
    assert ("conv-tasnet", "tsvd") not in factorized
    assert {("lstm-tasnet", "tsvd"), ("dptnet", "tsvd"), ("conv-tasnet", "cp")} < (
        factorized
    )


def test_every_case_claims_the_arithmetic_of_its_compression() -> None:
    for workload in WORKLOADS:
        for points in workload.points.values():
            for point in points:
                assert point.claims == parse(point.compression).claims, point


def test_every_option_of_a_runtime_is_known_to_it() -> None:
    """`arena` on another runtime would be accepted and ignored."""
    settings = {name for runtime in RUNTIMES.values() for name in runtime.options}
    for case in inference_cases():
        for name, _ in case.options:
            assert name not in settings - set(RUNTIMES[case.runtime].options), case.id


def test_a_commit_is_compared_by_few_short_cases() -> None:
    planned = plan(WORKLOADS, "commit", ["cpu"])
    assert 0 < sum(p.expected_s for p in planned) <= 45
    assert max(p.expected_s for p in planned) <= 8
    assert {"fp32", "int8-static"} <= {p.case.compression for p in planned}


def test_smoke_runs_one_case_a_workload() -> None:
    assert len(plan(WORKLOADS, "smoke", ["cpu"])) == len(WORKLOADS)


@pytest.mark.parametrize(
    ("prefix", "limit_s"),
    [
        ("", 8 * 60),
        ("asr-", 4 * 60),
        ("wav2letter", 90),
        ("separation", 120),
        ("spoof", 60),
    ],
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
        option
        for case in cases
        if case.workload == "wav2letter"
        for option in case.of_one_instance.options
    }
    assert options == {
        *(("arena", "off"), ("graph", "basic"), ("graph", "off"), ("frames", "1000"))
    }


def test_training_in_quick_compares_batch_sizes_and_precisions() -> None:
    cases = [p.case for p in plan(WORKLOADS, "quick", ["cpu"])]
    trainings = [case for case in cases if case.workload == "asr-training"]
    assert len({case.batch_size for case in trainings}) >= 3
    assert {case.compression for case in trainings} == {"fp32", "bf16"}


def test_paper_trains_the_papers_size_at_its_batch_sizes() -> None:
    cases = [p.case for p in plan(WORKLOADS, "paper", ["cuda:0"])]
    trainings = [case for case in cases if case.workload == "asr-training"]
    assert {case.model for case in trainings} == {"ds2-paper"}
    assert {case.batch_size for case in trainings} == {96, 240, 300}
    assert {case.compression for case in trainings} == {"fp32", "bf16", "fp16"}
    beams = {case.option("beam") for case in cases if case.workload == "asr-decoding"}
    assert {"1", "16", "64", "256", "4096"} <= beams


def of_separation(profile: str) -> list[Case]:
    cases = [p.case for p in plan(WORKLOADS, profile, ["cpu"])]
    return [case for case in cases if case.workload == "separation"]


def test_quick_has_every_separator_and_every_family_of_compressions() -> None:
    cases = of_separation("quick")
    assert {case.model for case in cases} == {size.name for size in sizes.SMALL}
    assert {"eager", "onnxruntime", "openvino"} == {case.runtime for case in cases}
    names = {case.compression for case in cases}
    families = ("l1-structured", "unstructured", "tucker", "cp", "tsvd", "int8")
    for family in families:
        assert any(family in name for name in names), family


@pytest.mark.parametrize("model", ["lstm-tasnet", "conv-tasnet", "dptnet"])
def test_standard_has_every_pruning_and_factorization_of_every_separator(
    model: str,
) -> None:
    cases = of_separation("standard")
    names = {case.compression for case in cases if case.model == model}
    assert len([n for n in names if n.startswith("prune-") and "+" not in n]) == 42
    methods = {"cp", "tucker", "tsvd"} - ({"tsvd"} if model == "conv-tasnet" else set())
    assert {f"{m}-{p}" for m in methods for p in (10, 20, 30)} < names
    assert {"fp16", "bf16", "int8-dynamic", "int8-static", "int8-qat"} < names
    assert any(case.model == f"{model}-8" for case in cases)


@pytest.mark.parametrize("profile", ["smoke", "standard", "paper"])
def test_every_task_has_a_training_that_is_clocked(profile: str) -> None:
    trained = {
        size_named(planned.case.model)[0].name
        for planned in plan(WORKLOADS, profile, ["cpu"])
        if planned.workload.name.endswith("-training")
    }
    assert trained == {task.name for task in all_tasks()}


def split(profile: str) -> dict[str, list[int]]:
    """The levels of each case that is run in several instances, by its id alone."""
    found: dict[str, list[int]] = {}
    for planned in plan(WORKLOADS, profile, ["cpu"]):
        if planned.case.instances is not None:
            alone = planned.case.of_one_instance.id
            found.setdefault(alone, []).append(planned.case.instances)
    return found


def test_standard_splits_the_machine_for_every_task() -> None:
    tasks = {size_named(Case.parse(one).model)[0].name for one in split("standard")}
    assert tasks == {task.name for task in all_tasks()}


def test_quick_splits_the_machine_for_one_case() -> None:
    assert len(split("quick")) == 1


@pytest.mark.parametrize("profile", ["quick", "standard"])
def test_a_split_stands_beside_one_worker_on_all_cores(profile: str) -> None:
    cases = {planned.case.id for planned in plan(WORKLOADS, profile, ["cpu"])}
    assert set(split(profile)) < cases


@pytest.mark.parametrize("profile", ["quick", "standard"])
def test_a_machine_is_halved_down_to_a_core_each(profile: str) -> None:
    for levels in split(profile).values():
        assert levels == [2**n for n in range(1, len(levels) + 1)]
        assert levels[-1] == 256


def test_levels_beyond_two_cores_are_declared_to_take_no_time_on_two() -> None:
    for planned in plan(WORKLOADS, "standard", ["cpu"]):
        if (planned.case.instances or 0) > 2:
            assert planned.expected_s == 0
