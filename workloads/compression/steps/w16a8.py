"""Weights of 16 bits beside activations of 8."""

from dataclasses import dataclass

from workloads.compression.steps.int8_static import StaticStep


@dataclass(frozen=True)
class W16A8(StaticStep):
    """It multiplies integers of 8 and of 16 bits, to which int8 is the nearest claim;
    ONNX Runtime and OpenVINO have no kernel for it: activations are rounded to 8 bits,
    and the arithmetic is float."""

    base = "w16a8"
    summary = "weights of 16 bits and activations of 8, scaled beforehand"
    weight_type = "QInt16"
    opset = 21  # the first whose QuantizeLinear knows 16-bit integers
