"""What each runtime says of itself: one truth for what runs where."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import WIDTH, expected, speech, tiny
from torch import nn

from workloads.compressed import OnnxModel
from workloads.compression.known import parse
from workloads.compression.quantization import Quantized
from workloads.compression.skipped import SkippedLayer
from workloads.runtimes.known import RUNTIMES, runtime_named
from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
from workloads.runtimes.open_vino import OpenVinoSession
from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.runtime import Opening, Place

CPU, CUDA = Place("cpu"), Place("cuda:0")
CAPPED = Place("cpu", "avx2")


def test_every_runtime_is_known_by_its_own_name() -> None:
    assert set(RUNTIMES) == {"eager", "compile", "onnxruntime", "openvino"}
    assert all(name == runtime.name for name, runtime in RUNTIMES.items())
    assert runtime_named("openvino") is RUNTIMES["openvino"]


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_that_is_not_installed_names_the_package(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runtime_named(name).why_not_installed() is None
    monkeypatch.setattr(type(runtime_named(name)), "packages", ("absent_engine",))
    reason = runtime_named(name).why_not_installed()
    assert reason == f"{name} needs absent_engine: run `pip install absent_engine`"


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_a_runtime_of_onnx_files_needs_onnx_too(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "workloads.installed.find_spec",
        lambda package: None if package == "onnx" else True,
    )
    reason = runtime_named(name).why_not_installed()
    assert reason == f"{name} needs onnx: run `pip install onnx`"


def test_an_unknown_runtime_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="called 'tflite': expected one of eager, co"):
        runtime_named("tflite")


@pytest.mark.parametrize(
    ("runtime", "compression", "place", "is_recurrent", "reason"),
    [
        ("onnxruntime", "fp32", CUDA, False, "onnxruntime is measured on the CPU; on "),
        ("openvino", "fp32", CUDA, False, "on cuda:0 use eager or compile"),
        ("onnxruntime", "fp32", CAPPED, False, "no switch for an instruction-set cap"),
        ("onnxruntime", "bf16", CPU, False, "ONNX Runtime has no bf16 kernels"),
        ("onnxruntime", "fp16", CPU, False, "ONNX Runtime has no fp16 kernels"),
        ("onnxruntime", "cp-30+bf16", CPU, False, "ONNX Runtime has no bf16 kernels"),
        ("eager", "int8-static", CPU, False, "torch has no eager int8-static convolu"),
        ("eager", "w16a8", CPU, False, "torch has no eager w16a8 convolution"),
        ("eager", "tucker-30+int8-static", CPU, False, "torch has no eager int8-stat"),
        ("compile", "int8-dynamic", CPU, False, "no int8-dynamic convolution on the C"),
        ("compile", "int16-weights", CPU, False, "no int16-weights convolution on th"),
        ("compile", "int8-static", CUDA, False, "no int8-static convolution on CUDA"),
        ("compile", "int8-static", CPU, True, "fixes the length of an LSTM's sequenc"),
    ],
)
def test_what_a_runtime_cannot_run_has_a_reason(
    runtime: str, compression: str, place: Place, is_recurrent: bool, reason: str
) -> None:
    found = RUNTIMES[runtime].why_not(parse(compression), place, is_recurrent)
    assert found is not None
    assert reason in found


@pytest.mark.parametrize(
    ("runtime", "compression", "place", "is_recurrent"),
    [
        ("onnxruntime", "int8-dynamic", Place("cpu", None, 1), True),
        ("onnxruntime", "int16-weights", CPU, False),
        ("openvino", "bf16", CPU, False),
        ("openvino", "int8-static", CAPPED, True),
        ("eager", "fp16", CUDA, True),
        ("eager", "prune-l1-structured-30", CAPPED, True),
        ("eager", "cp-30+bf16", CPU, True),
        ("compile", "fp32", CPU, True),
        ("compile", "int8-qat", CPU, False),
        ("compile", "int8-static-keep-first", Place("cpu", "avx512"), False),
    ],
)
def test_what_a_runtime_can_run_has_none(
    runtime: str, compression: str, place: Place, is_recurrent: bool
) -> None:
    assert RUNTIMES[runtime].why_not(parse(compression), place, is_recurrent) is None


@pytest.mark.parametrize("runtime", ["eager", "compile", "openvino"])
def test_only_onnx_runtime_cannot_be_capped(runtime: str) -> None:
    assert RUNTIMES[runtime].why_not(parse("fp32"), CAPPED, False) is None


@dataclass
class TinyTask:
    """As much of a task as runtimes ask for."""

    facts: Mapping[str, float | str] = field(default_factory=dict)

    def adapted(
        self, model: nn.Module, options: Mapping[str, str]
    ) -> tuple[nn.Module, Mapping[str, float | str]]:
        return model, self.facts

    def deployed(self, model: nn.Module) -> nn.Module:
        return model

    def example(self, size: object) -> tuple[int, int]:
        return 50, WIDTH


@dataclass
class TinyCompressed:
    """As much of a compressed model as runtimes ask for."""

    path: Path
    name: str = "fp32"
    quantized: Quantized | None = None
    task: TinyTask = field(default_factory=TinyTask)
    size: Any = None

    @property
    def compression(self) -> Any:
        return parse(self.name)

    def module(self) -> nn.Module:
        return tiny()

    def onnx(self) -> OnnxModel:
        return OnnxModel(self.path, self.quantized)


KINDS = {
    "eager": TorchSession,
    "onnxruntime": OnnxRuntimeSession,
    "openvino": OpenVinoSession,
}


@pytest.mark.parametrize("runtime", KINDS)
def test_a_model_is_opened_by_the_runtimes_name(runtime: str, onnx_path: Path) -> None:
    model = TinyCompressed(onnx_path)
    found = RUNTIMES[runtime].open(model, Opening(Place(threads=1)))  # type: ignore[arg-type]
    assert isinstance(found.session, KINDS[runtime])
    features = speech(2, 50)
    output = found.session.output(found.session.prepare(features))
    np.testing.assert_allclose(output, expected(features), atol=1e-4)
    parameters = sum(one.numel() for one in tiny().parameters())
    assert 4 * parameters <= found.model_bytes < 4 * parameters + 2000
    assert (found.float_layers, found.facts) == (0, {})


@pytest.mark.parametrize(
    ("runtime", "source"),
    [
        ("eager", None),
        ("onnxruntime", "ONNX Runtime's profile"),
        ("openvino", "OpenVINO's counters"),
    ],
)
def test_a_session_names_its_own_profile_where_it_has_one(
    runtime: str, source: str | None, onnx_path: Path
) -> None:
    model = TinyCompressed(onnx_path)
    session = RUNTIMES[runtime].open(model, Opening(Place(threads=1))).session  # type: ignore[arg-type]
    assert session.profile_source == source
    prepared = session.prepare(speech(1, 50))
    if source is None:
        with pytest.raises(NotImplementedError, match="has no profile of its own"):
            session.profile(prepared, 1)
        return
    calls, wall_s = session.profile(prepared, 2)
    assert {"convolution"} <= {call.primitive for call in calls}
    assert wall_s > 0


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_layers_of_a_file_that_stayed_in_float_are_counted_and_named(
    runtime: str, onnx_path: Path
) -> None:
    skipped = SkippedLayer("last", "Conv", "too thin")
    quantized = Quantized(("first",), 2, 2, (skipped,))
    model = TinyCompressed(onnx_path, "int8-static-keep-first", quantized)
    found = RUNTIMES[runtime].open(model, Opening(Place(threads=1)))  # type: ignore[arg-type]
    assert found.float_layers == 2
    assert found.facts["layers_kept_in_float"] == "first"
    assert found.facts["layers_left_in_float"] == "last: too thin"
    assert float(found.facts["huffman_bytes"]) > 0


def test_half_precision_halves_a_modules_bytes_and_a_task_may_add_facts(
    onnx_path: Path,
) -> None:
    task = TinyTask({"layers_sparse": 3})
    found = RUNTIMES["eager"].open(
        TinyCompressed(onnx_path, "bf16", task=task),  # type: ignore[arg-type]
        Opening(Place()),
    )
    assert found.model_bytes == 2 * sum(one.numel() for one in tiny().parameters())
    assert found.facts == {"layers_sparse": 3}


def test_options_of_a_case_reach_onnx_runtime(onnx_path: Path) -> None:
    def opened(**options: str) -> tuple[bool, str]:
        opening = Opening(Place(threads=1), options)
        model = TinyCompressed(onnx_path)
        session = RUNTIMES["onnxruntime"].open(model, opening).session  # type: ignore[arg-type]
        found = session.native.get_session_options()  # type: ignore[attr-defined]
        assert found.intra_op_num_threads == 1
        return found.enable_cpu_mem_arena, found.graph_optimization_level.name

    assert opened() == (True, "ORT_ENABLE_ALL")
    assert opened(beam="4") == opened()  # is another's
    assert opened(arena="off", graph="basic") == (False, "ORT_ENABLE_BASIC")
    assert RUNTIMES["onnxruntime"].options == ("arena", "graph")


def test_an_only_shape_is_compiled_for_by_openvino(onnx_path: Path) -> None:
    model = TinyCompressed(onnx_path)
    opening = Opening(Place(threads=1), shape=(2, 50, WIDTH))
    session = RUNTIMES["openvino"].open(model, opening).session  # type: ignore[arg-type]
    assert list(session.compiled.inputs[0].shape) == [2, 50, WIDTH]  # type: ignore[attr-defined]
    features = speech(1, 40)
    output = session.output(session.prepare(features))
    np.testing.assert_allclose(output, expected(features), atol=1e-4)


def test_no_runtime_is_loaded_before_a_model_is_opened(onnx_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from types import SimpleNamespace\n"
        "from workloads.compression.known import parse\n"
        "from workloads.compressed import OnnxModel\n"
        "from workloads.runtimes.known import RUNTIMES\n"
        "from workloads.runtimes.runtime import Opening, Place\n"
        "loaded = lambda: {'torch', 'onnxruntime', 'openvino'} & set(sys.modules)\n"
        "assert not loaded(), loaded()\n"
        f"file = OnnxModel(Path({str(onnx_path)!r}))\n"
        "model = SimpleNamespace(onnx=lambda: file, compression=parse('fp32'))\n"
        "RUNTIMES['onnxruntime'].open(model, Opening(Place()))\n"
        "assert loaded() == {'onnxruntime'}, loaded()\n"
        "RUNTIMES['openvino'].open(model, Opening(Place()))\n"
        "assert 'torch' not in loaded(), loaded()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
