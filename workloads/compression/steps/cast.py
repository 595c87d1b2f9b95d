"""Half precision, which the runtime computes in."""

from dataclasses import dataclass

from workloads.compression.step import PrecisionStep


@dataclass(frozen=True)
class Bf16(PrecisionStep):
    base = "bf16"
    claims = float_precision = rounds_to = "bf16"
    summary = "the runtime computes in bfloat16"


@dataclass(frozen=True)
class Fp16(PrecisionStep):
    base = "fp16"
    claims = float_precision = rounds_to = "fp16"
    summary = "the runtime computes in half precision"
