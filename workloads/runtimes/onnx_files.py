"""What a runtime of ONNX files tells of one that it has opened."""

from __future__ import annotations

from workloads.compression.entropy import compressed_bytes
from workloads.compression.onnx_models import OnnxModel
from workloads.compression.skipped import by_reason


def facts_of(model: OnnxModel) -> dict[str, float | str]:
    """Of a quantized file: what stayed in float, and its size with coded weights."""
    quantized = model.quantized
    if quantized is None:
        return {}
    facts: dict[str, float | str] = {
        "layers_kept_in_float": ", ".join(quantized.kept) or "none",
        "huffman_bytes": compressed_bytes(model.path),
    }
    if quantized.left:
        facts["layers_left_in_float"] = by_reason(
            {one.name: one.reason for one in quantized.left}
        )
    return facts


def float_layers_of(model: OnnxModel) -> int:
    """How many layers of a quantized file stayed in float."""
    return model.quantized.float_layers if model.quantized else 0


def of_the_cpu_alone(runtime: str, device: str) -> str:
    """Why a runtime of ONNX files runs none on another device."""
    return f"{runtime} is measured on the CPU; on {device} use eager or compile"
