"""Candidates for a ceiling in ONNX Runtime and OpenVINO."""

import pytest

from harness.observe import onnx_ceilings
from harness.observe.onnx_ceilings import CONVOLUTION, PRODUCT, model, offered, timed


@pytest.fixture
def capped(monkeypatch):
    def cap(isa):
        if isa:
            monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
        else:
            monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)

    return cap


@pytest.mark.parametrize(
    ("precision", "cap", "libraries"),
    [
        ("fp32", None, {"onnxruntime", "openvino"}),
        ("int8", None, {"onnxruntime", "openvino"}),
        ("bf16", None, {"openvino"}),
        ("fp32", "AVX2", {"openvino"}),  # ONNX Runtime heeds no cap
        ("fp16", None, set()),
    ],
)
def test_every_library_that_a_case_may_use_is_tried(capped, precision, cap, libraries):
    capped(cap)
    assert {library for library, _ in offered(precision)} == libraries


def test_int8_has_more_candidates_than_one(capped):
    capped(None)
    assert list(offered("int8")) == [
        ("onnxruntime", CONVOLUTION),
        ("openvino", CONVOLUTION),
    ]


@pytest.mark.parametrize("library", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(
    ("operation", "precision"),
    [(PRODUCT, "fp32"), (CONVOLUTION, "fp32"), (CONVOLUTION, "int8")],
)
def test_a_candidate_runs_and_is_compiled_once_a_size(
    monkeypatch, library, operation, precision
):
    made = []
    monkeypatch.setattr(
        onnx_ceilings, "model", lambda *which: made.append(which) or model(*which)
    )
    seconds = timed(library, operation, precision, threads=1)
    assert all(seconds(size) > 0 for size in (8, 8, 16))
    assert [which[2] for which in made] == [8, 16]


def test_the_integer_model_multiplies_integers(tmp_path):
    """ONNX Runtime folds the steps that quantize into one integer convolution."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    content = model(CONVOLUTION, "int8", 16)
    onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    nodes = onnx.load(tmp_path / "optimized.onnx").graph.node
    kinds = [node.op_type for node in nodes]
    assert "QLinearConv" in kinds
    assert "Conv" not in kinds
