"""GPUs by CUDA's names for them. The fake GPUs have the UUIDs GPU-0a0, GPU-1a1, ...;
each holds one instance, MIG-0f00d, MIG-1f00d, ..."""

import pytest

from harness.observe.energy import EnergyMeter
from harness.observe.gpu import Nvml
from harness.observe.visible_gpus import visible_gpus, watched


@pytest.fixture
def nvml(fake_nvml):
    return Nvml(library=fake_nvml(gpus=3))


@pytest.mark.parametrize(
    ("listed", "indices"),
    [
        ("2,0", [2, 0]),
        ("GPU-2a2,GPU-0a0", [2, 0]),
        ("GPU-1,0", [1, 0]),  # the beginning of a UUID will do
        ("gpu-1", []),
        (" 1 , GPU-2a ", [1, 2]),
        ("GPU-,0", []),  # more than one begins so
        ("0,GPU-7,1", [0]),
    ],
)
def test_cudas_list_is_read_as_cuda_reads_it(nvml, listed, indices):
    found = visible_gpus(nvml, {"CUDA_VISIBLE_DEVICES": listed})
    assert [nvml.find(name)[0] for name in found.devices] == indices
    assert (found.reason is None) == (len(indices) == len(listed.split(",")))


def test_an_entry_that_names_no_gpu_is_quoted(nvml):
    found = visible_gpus(nvml, {"CUDA_VISIBLE_DEVICES": "GPU-7,0"})
    text = "'GPU-7' of CUDA_VISIBLE_DEVICES='GPU-7,0' names none of 3 GPUs"
    assert found.reason == text


@pytest.mark.parametrize("name", ["MIG-1f00d", "MIG-1f", "MIG-GPU-1a1/7/0"])
def test_of_instances_cuda_offers_the_first_alone(nvml, name):
    found = visible_gpus(nvml, {"CUDA_VISIBLE_DEVICES": f"{name},MIG-2f00d"})
    assert found.devices == (name,)
    assert nvml.find(name)[0] == 1


@pytest.mark.parametrize(
    ("listed", "ordinals", "read"),
    [("GPU-2,GPU-1", [1], [1]), ("GPU-2,GPU-1", [0], [2]), ("1,2", [0, 1], [1, 2])],
)
def test_a_case_watches_the_gpu_that_cuda_gives_it(nvml, listed, ordinals, read):
    seen = watched(ordinals, nvml, {"CUDA_VISIBLE_DEVICES": listed})
    assert [reading.index for reading in seen.read()] == read
    assert seen.reason is None


def test_an_instance_is_watched_and_its_lack_of_joules_has_a_reason(nvml, tmp_path):
    seen = watched([0], nvml, {"CUDA_VISIBLE_DEVICES": "MIG-1f00d"})
    (reading,) = seen.read()
    assert (reading.index, reading.memory_used_bytes) == (1, 20_001)
    meter = EnergyMeter(seen, root=tmp_path)
    assert meter.source == "none"
    assert "no energy counter on [1]" in meter.reason


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (
            "0,GPU-9",
            "1 of 2 CUDA devices not seen: 'GPU-9' of CUDA_VISIBLE_DEVICES='0,GPU-9' "
            "names none of 3 GPUs",
        ),
        ("0", "1 of 2 CUDA devices not seen: CUDA_VISIBLE_DEVICES lists 1"),
    ],
)
def test_a_gpu_that_cannot_be_watched_is_a_reason(nvml, listed, reason):
    seen = watched([0, 1], nvml, {"CUDA_VISIBLE_DEVICES": listed})
    assert (len(seen.gpus()), seen.reason) == (1, reason)
