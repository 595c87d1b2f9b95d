"""What holds of a session, whichever runtime it is of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import SYMBOLS, WIDTH, expected, one_node_model, speech, tiny

from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
from workloads.runtimes.open_vino import OpenVinoSession
from workloads.runtimes.pytorch import TorchSession
from workloads.runtimes.session import Session

SHAPES = [(3, 50), (2, 61), (1, 37), (1, 40), (4, 50)]
OPENERS: dict[str, Callable[[Path], Session[Any]]] = {
    "onnxruntime": lambda path: OnnxRuntimeSession(path, 1),
    "openvino": lambda path: OpenVinoSession(path, "fp32", 1),
    "eager": lambda path: TorchSession(tiny(), WIDTH),
}
ONNX = ["onnxruntime", "openvino"]


@pytest.fixture(params=OPENERS)
def session(request: pytest.FixtureRequest, onnx_path: Path) -> Session[Any]:
    return OPENERS[request.param](onnx_path)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_output_is_that_of_the_module(
    session: Session[Any], shape: tuple[int, int]
) -> None:
    features = speech(*shape)
    output = session.output(session.prepare(features))
    assert output.dtype == np.float32
    assert output.shape == (shape[0], (shape[1] + 1) // 2, SYMBOLS)
    np.testing.assert_allclose(output, expected(features), atol=1e-4)


def test_batches_prepared_side_by_side_keep_their_own_output(
    session: Session[Any],
) -> None:
    batches = [speech(2, frames, seed=frames) for frames in (30, 50, 30)]
    prepared = [session.prepare(features) for features in batches]
    outputs = [session.output(one) for one in prepared]
    for one in reversed(prepared):
        session.run(one)
    for features, output in zip(batches, outputs, strict=True):
        np.testing.assert_allclose(output, expected(features), atol=1e-4)


def test_a_run_computes_again_what_the_output_tells(session: Session[Any]) -> None:
    prepared = session.prepare(speech(2, 50))
    before = session.output(prepared)
    session.run(prepared)
    np.testing.assert_array_equal(session.output(prepared), before)


def test_prepared_features_are_read_where_they_lie(session: Session[Any]) -> None:
    features = speech(2, 50)
    prepared = session.prepare(features)
    features[:] = speech(2, 50, seed=1)
    np.testing.assert_allclose(
        session.output(prepared), expected(speech(2, 50, seed=1)), atol=1e-4
    )


@pytest.mark.parametrize("kind", ["read-only", "strided"])
def test_features_that_cannot_be_shared_are_copied(
    session: Session[Any], kind: str
) -> None:
    features = speech(2, 50) if kind == "read-only" else speech(2, 100)[:, ::2]
    features.setflags(write=kind != "read-only")
    output = session.output(session.prepare(features))
    np.testing.assert_allclose(output, expected(features.copy()), atol=1e-4)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (speech(2, 50)[0], r"shape \(50, 8\): expected the three axes"),
        (speech(2, 50)[:0], r"shape \(0, 50, 8\): nothing to run on"),
        (speech(2, 50)[:, :0], r"shape \(2, 0, 8\): nothing to run on"),
        (speech(2, 50)[:, :, :7], "7 wide: this model takes 8"),
        (np.where(speech(2, 50) > 3, np.inf, np.nan), "features are float64"),
        (np.full((1, 4, 8), np.nan, np.float32), "32 of 32 features are NaN"),
        (np.zeros((1, 4, 8), np.int32), "features are int32: expected float32"),
    ],
)
def test_features_that_the_model_cannot_take_are_refused(
    session: Session[Any], features: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        session.prepare(features)


@pytest.mark.parametrize("runtime", ONNX)
def test_a_model_that_is_not_there_is_named(runtime: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"(?s)cannot run .*gone\.onnx: .*: export it first$"
    ):
        OPENERS[runtime](tmp_path / "gone.onnx")


@pytest.mark.parametrize("runtime", ONNX)
def test_a_file_that_is_no_model_is_named(runtime: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"no model at all")
    with pytest.raises(
        ValueError, match=r"(?s)cannot run .*bad\.onnx: .*(?<!export it first)$"
    ):
        OPENERS[runtime](path)


@pytest.mark.parametrize("runtime", ONNX)
def test_a_model_of_other_axes_is_refused(runtime: str, tmp_path: Path) -> None:
    path = one_node_model(tmp_path / "flat.onnx", "Relu", shape=["B", 8])
    with pytest.raises(
        ValueError, match=r"2 axes: expected .* batch, frames, features"
    ):
        OPENERS[runtime](path)


@pytest.mark.parametrize("runtime", ONNX)
def test_a_model_of_any_width_takes_any(runtime: str, tmp_path: Path) -> None:
    path = one_node_model(tmp_path / "open.onnx", "Relu", shape=["B", "T", "F"])
    session = OPENERS[runtime](path)
    assert session.output(session.prepare(-speech(1, 4)[:, :, :5])).shape == (1, 4, 5)
