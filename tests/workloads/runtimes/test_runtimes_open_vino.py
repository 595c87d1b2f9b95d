"""OpenVINO: its precisions and threads, its profile, what it lacks."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_model import expected, precision_here, speech

from workloads.elsewhere import ElsewhereError
from workloads.runtimes.open_vino import OpenVinoSession, Request
from workloads.runtimes.open_vino_kernels import created, named
from workloads.runtimes.session import (
    KernelCall,
    OperatorMissingError,
    PrecisionMissingError,
)


def test_bf16_agrees_loosely_and_is_not_fp32(onnx_path: Path) -> None:
    session = precision_here(onnx_path, "bf16")
    features = speech(2, 50)
    output = session.output(session.prepare(features))
    assert output.dtype == np.float32
    difference = np.abs(output - expected(features)).max()
    assert 1e-4 < difference < 0.1


def test_a_precision_that_it_would_replace_is_refused(onnx_path: Path) -> None:
    try:
        session = OpenVinoSession(onnx_path, "fp16", 1)
    except PrecisionMissingError as error:
        assert "not in fp16" in str(error)  # noqa: PT017
    else:
        hint = session.compiled.get_property("INFERENCE_PRECISION_HINT")
        assert hint.get_type_name() == "f16"


def test_it_uses_the_threads_that_it_was_given(onnx_path: Path) -> None:
    compiled = OpenVinoSession(onnx_path, "fp32", 1).compiled
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1
    assert compiled.get_property("NUM_STREAMS") == 1


def test_a_model_of_one_shape_is_of_it_alone_and_other_shapes_still_run(
    onnx_path: Path,
) -> None:
    """benchmark_app, too, has a model of the shape that it times."""
    timed, other = speech(1, 50), speech(3, 61)
    session = OpenVinoSession(onnx_path, "fp32", 1, timed.shape)
    of_any = OpenVinoSession(onnx_path, "fp32", 1)
    assert session.compiled.input(0).partial_shape.is_static
    assert not of_any.compiled.input(0).partial_shape.is_static
    for features in (timed, other, timed):
        found = session.output(session.prepare(features))
        np.testing.assert_allclose(found, expected(features), atol=1e-4)
        plain = of_any.output(of_any.prepare(features))
        np.testing.assert_allclose(plain, expected(features), atol=1e-4)


def test_the_model_of_any_shape_is_not_compiled_before_it_is_needed(
    onnx_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its memory would be the timed one's."""
    shapes, compiled = [], OpenVinoSession._compile

    def compiling(self: OpenVinoSession, shape: object, **options: bool) -> object:
        shapes.append(shape)
        return compiled(self, shape, **options)

    monkeypatch.setattr(OpenVinoSession, "_compile", compiling)
    session = OpenVinoSession(onnx_path, "fp32", 1, (1, 50, 8))
    for _ in range(2):
        session.run(session.prepare(speech(1, 50)))
    assert shapes == [(1, 50, 8)]
    for frames in (51, 52):
        session.run(session.prepare(speech(1, frames)))
    assert shapes == [(1, 50, 8), None]


@pytest.mark.parametrize("frames", [50, 51])
def test_what_is_profiled_is_the_model_that_was_run(
    onnx_path: Path, frames: int
) -> None:
    session = OpenVinoSession(onnx_path, "fp32", 1, (1, 50, 8))
    calls, _ = session.profile(session.prepare(speech(1, frames)), 1)
    shapes, compile_ = [], session._compile
    session._compile = lambda shape, **options: (  # type: ignore[method-assign]
        shapes.append(shape) or compile_(shape, **options)
    )
    session.profile(session.prepare(speech(1, frames)), 1)
    assert shapes == [(1, 50, 8) if frames == 50 else None]
    assert len([call for call in calls if call.primitive == "convolution"]) == 2


def test_a_shape_that_the_model_cannot_take_is_refused(onnx_path: Path) -> None:
    with pytest.raises(ValueError, match=r"OpenVINO cannot run .*tiny\.onnx"):
        OpenVinoSession(onnx_path, "fp32", 1, (1, 50, 7))


def test_threads_that_the_machine_lacks_are_refused(onnx_path: Path) -> None:
    too_many = 4 * (os.cpu_count() or 1)
    with pytest.raises(ValueError, match=f"threads, not {too_many}: ask for no more"):
        OpenVinoSession(onnx_path, "fp32", too_many)


@pytest.mark.parametrize(
    ("precision", "threads", "message"),
    [
        ("int8", 1, "precision='int8': expected one of fp32, bf16, fp16"),
        ("fp32", 0, "threads=0: expected a whole number above 0"),
    ],
)
def test_unknown_settings_are_refused(
    onnx_path: Path, precision: str, threads: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        OpenVinoSession(onnx_path, precision, threads)


def test_kernels_have_the_names_that_tell_the_instruction_set(onnx_path: Path) -> None:
    session = OpenVinoSession(onnx_path, "fp32", 1)
    prepared = session.prepare(speech(2, 50))
    once, wall_s = session.profile(prepared, 1)
    thrice, _ = session.profile(prepared, 3)
    convolutions = [call for call in once if call.primitive == "convolution"]
    assert len(convolutions) == 2
    assert all(":" in call.implementation for call in convolutions)  # oneDNN's names
    assert {call.dtypes for call in convolutions} == {"f32,f32,f32"}
    assert len([c for c in thrice if c.primitive == "convolution"]) == 6
    assert wall_s > 0


def test_the_kernels_of_a_cap_tell_it(
    onnx_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = OpenVinoSession(onnx_path, "fp32", 1)
    prepared = session.prepare(speech(2, 50))
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")  # of the process that is logged
    kernels = created(session._creation_log(prepared))
    of_convolutions = [kernels[kind] for kind in kernels if kind[0] == "convolution"]
    found = set().union(*of_convolutions)
    assert found
    assert all("avx512" not in implementation for implementation in found)


LINE = (
    "onednn_verbose,v1,primitive,create:cache_miss,cpu,{},{},forward_inference,"
    "src:{}::blocked:acb::f0 wei:{}:ap:blocked:AcB64a4b::f8:zpm1 bia:f32::f0 "
    "dst:u8::blocked:acb::f0,attr-scratchpad:user,alg:convolution_direct,mb1,0.5"
)
VNNI = LINE.format("convolution", "brg_conv_fwd:avx512_core_vnni", "u8", "s8")
POINT = LINE.format("convolution", "brgconv_1x1:avx512_core_vnni", "u8", "s8")
FLOAT = LINE.format("convolution", "brg_conv_fwd:avx512_core", "f32", "f32")
OTHER = LINE.format("convolution", "jit:avx2", "f32", "f32")
INNER = LINE.format("inner_product", "brgemm:avx2", "f32", "f32")


def test_a_call_takes_the_name_of_the_kernel_of_its_types_and_shape() -> None:
    kernels = created([VNNI, POINT, FLOAT, INNER, "something else"])
    calls = [
        KernelCall("convolution", "brgconv_avx512_I8", "u8,s8,u8", 1.0),
        KernelCall("convolution", "brgconv_avx512_1x1_I8", "u8,s8,f32", 1.0),
        KernelCall("convolution", "brgconv_avx512_f32", "f32,f32,f32", 1.0),
        KernelCall("matmul", "brgemm_avx512_f32", "f32,f32,f32", 1.0),
        KernelCall("reorder", "jit_uni_I8", "u8,u8", 1.0),
        KernelCall("convolution", "brgconv_avx512_bf16", "bf16,bf16,bf16", 1.0),
    ]
    assert [call.implementation for call in named(calls, kernels)] == [
        "brg_conv_fwd:avx512_core_vnni",
        "brgconv_1x1:avx512_core_vnni",
        "brg_conv_fwd:avx512_core",
        "brgemm:avx2",
        "jit_uni_I8",
        "brgconv_avx512_bf16",
    ]


def test_on_arm_calls_take_the_names_of_arm_s_kernels() -> None:
    lines = [
        LINE.format("convolution", "indirect_gemm:acl", "f32", "f32"),
        LINE.format("convolution", "jit_1x1:sve_256", "f32", "f32"),
        LINE.format("inner_product", "acl", "bf16", "bf16"),
    ]
    calls = [
        KernelCall("convolution", "gemm_acl_f32", "f32,f32,f32", 1.0),
        KernelCall("convolution", "jit_sve_1x1_f32", "f32,f32,f32", 1.0),
        KernelCall("matmul", "gemm_acl_bf16", "bf16,bf16,bf16", 1.0),
        KernelCall("rnn", "ref_any_f32", "f32,f32,f32", 1.0),
    ]
    assert [call.implementation for call in named(calls, created(lines))] == [
        "indirect_gemm:acl",
        "jit_1x1:sve_256",
        "acl",
        "ref_any_f32",
    ]


def test_where_several_kernels_fit_all_are_named() -> None:
    call = KernelCall("convolution", "brgconv_avx512_f32", "f32,f32,f32", 1.0)
    (found,) = named([call], created([OTHER, FLOAT, FLOAT]))
    assert found.implementation == "brg_conv_fwd:avx512_core|jit:avx2"


def test_a_profile_that_fails_tells_why(onnx_path: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.onnx"
    moved.write_bytes(onnx_path.read_bytes())
    session = OpenVinoSession(moved, "fp32", 1)
    prepared = session.prepare(speech(1, 20))
    moved.unlink()
    with pytest.raises(ElsewhereError, match=r"kernels cannot be made: .*cannot run "):
        session._creation_log(prepared)


def test_an_operator_that_it_cannot_convert_is_named(made_up: Path) -> None:
    with pytest.raises(
        OperatorMissingError, match=r"OpenVINO .*made\.up\.Wobble \(node the_node\)"
    ):
        OpenVinoSession(made_up, "fp32", 1)


class Failing:
    """A request whose kernel could not be made, as under an instruction-set cap."""

    def __init__(self, message: str) -> None:
        self.message = message

    def infer(self, **_: object) -> None:
        raise RuntimeError(self.message)


def failed(path: Path, message: str) -> Request:
    return Request(speech(1, 20), Failing(message))


def test_a_kernel_missing_at_the_first_run_is_named_with_the_cap(
    onnx_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    session = OpenVinoSession(onnx_path, "fp32", 1)
    message = (
        "Exception from src/inference/src/cpp/infer_request.cpp:224:\n"
        "[CPU] Convolution node with name 'node_conv1d' object is not initialized\n"
    )
    with pytest.raises(
        OperatorMissingError,
        match=r"Convolution \(node node_conv1d\): .*instruction set: AVX2",
    ):
        session.run(failed(onnx_path, message))


class Hiding:
    """A request that fails without an error, as on one thread."""

    def infer(self, **_: object) -> None:
        pass

    def get_output_tensor(self) -> SimpleNamespace:
        return SimpleNamespace(data=np.zeros((0, 0, 6), np.float32))


def test_a_failure_that_it_hides_is_found(onnx_path: Path) -> None:
    session = OpenVinoSession(onnx_path, "fp32", 1)
    with pytest.raises(OperatorMissingError, match=r"shape \(0, 0, 6\) for features"):
        session.output(Request(speech(1, 20), Hiding()))


@pytest.mark.parametrize("threads", [1, 2])
def test_under_a_cap_the_first_features_run_or_tell_that_they_cannot(
    onnx_path: Path, threads: int
) -> None:
    """bf16 under AVX2, for which OpenVINO 2026.4.1 has no convolution."""
    if threads > len(os.sched_getaffinity(0)):
        pytest.skip("there is one CPU only")
    precision_here(onnx_path, "bf16")
    code = (
        "import numpy as np; from pathlib import Path\n"
        "from workloads.runtimes.open_vino import OpenVinoSession\n"
        "from workloads.runtimes.session import OperatorMissingError\n"
        f"session = OpenVinoSession(Path({str(onnx_path)!r}), 'bf16', {threads})\n"
        "try:\n"
        "    prepared = session.prepare(np.ones((2, 50, 8), np.float32))\n"
        "except OperatorMissingError as error:\n"
        "    assert 'AVX2' in str(error), error\n"
        "else:\n"
        "    assert session.output(prepared).shape == (2, 25, 6)\n"
    )
    capped = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    subprocess.run([sys.executable, "-c", code], env=capped, check=True)


def test_another_failure_of_a_run_keeps_its_text(onnx_path: Path) -> None:
    session = OpenVinoSession(onnx_path, "fp32", 1)
    with pytest.raises(ValueError, match=r"cannot run .*tiny\.onnx: out of luck"):
        session.run(failed(onnx_path, "out of luck"))
