"""The schema of what sensors read, and of committed results."""

import copy
import dataclasses
import math
from pathlib import Path

import pytest
from pydantic import ValidationError
from spoiled_records import spoil

from harness.observe.noise import Noise
from harness.record.result import load
from harness.record.schema import (
    MOST_GPUS,
    NoiseRecord,
    Record,
)


def test_a_noise_record_holds_all_that_noise_tells():
    stated = {field.name for field in dataclasses.fields(Noise)}
    assert stated <= set(NoiseRecord.model_fields)


def test_a_misspelt_field_of_noise_is_refused(plain):
    spoil(plain, ("noise",), [{"seconds": 2.0, "steal_percnt": 0.5, "unknown": {}}])
    with pytest.raises(ValidationError, match=r"steal_percnt\n  Extra inputs"):
        Record.model_validate(plain)


def test_a_number_of_noise_is_a_finite_one(plain):
    spoil(plain, ("noise",), [{"seconds": 2.0, "steal_percent": float("inf")}])
    with pytest.raises(ValidationError, match=r"noise\.0\.steal_percent"):
        Record.model_validate(plain)


def test_every_committed_result_is_still_read():
    files = sorted((Path(__file__).parents[3] / "results").rglob("*.json"))
    loaded = [load(file) for file in files if '"speechmark"' in file.read_text()]
    segments = [n for one in loaded for r in one.records for n in r.noise]
    assert segments
    assert all(n.seconds is not None for n in segments)


USE = {
    "sampler_hz": 2.0,
    "sampler_cost_percent": 0.1,
    "timed": {
        **{"stage": "timed", "start_s": 1.0, "seconds": 4.0, "samples": 8},
        **{"worker_cpu_percent": 199.0, "machine_cpu_percent": 99.0},
        **{"sampled_peak_rss_bytes": 2**20, "joules": None, "gpus": []},
    },
    "timeline": [
        {
            **{"t_s": 0.5, "stage": "build", "worker_cpu_percent": 120.0},
            **{"machine_cpu_percent": None, "rss_bytes": 2**20, "gpus": []},
        }
    ],
}


def test_utilization_is_written_as_it_was_before_the_schema_knew_its_parts(plain):
    found = Record.model_validate(plain | {"utilization": USE})
    assert found.model_dump(mode="json")["utilization"] == USE


@pytest.mark.parametrize(
    "way", [(), ("timed",), ("timeline", 0)], ids=["whole", "stage", "point"]
)
def test_readings_of_older_sensors_are_kept(plain, way):
    older = copy.deepcopy(USE)
    spoil(older, (*way, "swap_bytes"), 7)
    found = Record.model_validate(plain | {"utilization": older})
    assert found.model_dump(mode="json")["utilization"] == older


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("timeline", 0, "t_s"), -1.0),
        (("timeline", 0, "worker_cpu_percent"), math.nan),
        (("timeline", 0, "gpus"), [{}] * (MOST_GPUS + 1)),
        (("timed", "samples"), -1),
        (("sampler_hz",), "often"),
    ],
)
def test_readings_that_no_sensor_gives_are_refused(plain, way, value):
    edited = copy.deepcopy(USE)
    spoil(edited, way, value)
    with pytest.raises(ValidationError, match=str(way[-1])):
        Record.model_validate(plain | {"utilization": edited})
