"""The steps that there are, and the compressions that their names make."""

from workloads.compression.step import FP32, Compression, FileStep, Step
from workloads.compression.steps.cast import Bf16, Fp16
from workloads.compression.steps.factorize import Factorize
from workloads.compression.steps.int8_dynamic import Int8Dynamic
from workloads.compression.steps.int8_qat import Int8Qat
from workloads.compression.steps.int8_static import Int8Static
from workloads.compression.steps.int16_weights import Int16Weights
from workloads.compression.steps.prune import Prune
from workloads.compression.steps.w16a8 import W16A8

STEPS: tuple[type[Step], ...] = (
    *(Bf16, Fp16, Int8Dynamic, Int8Static, Int8Qat, Int16Weights, W16A8),
    *(Prune, Factorize),
)
# To 8 bits without any training: the quantizations whose layers may be kept in float.
POST_TRAINING = tuple(
    kind.base for kind in STEPS if issubclass(kind, FileStep) and kind.may_keep
)


def parse(name: str) -> Compression:
    """The compression of a name: steps with a + between them, or fp32.

    Raises ValueError that lists the known ones.

    >>> parse("tucker-30+int8-static-keep-first").step_of(Int8Static).keep
    'first'
    >>> parse("prune-l1-structured-30+bf16").steps[0]
    Prune(criterion='l1', structured=True, percent=30)
    >>> parse("int8-qat").trained_name, parse("int8-static").trained_name
    ('int8-qat', '')
    """
    if name == FP32.name:
        return FP32
    try:
        found = Compression(tuple(map(_step, name.split("+"))))
    except ValueError:
        found = None
    if found is None or found.name != name:
        followers = ", ".join(kind.help() for kind in STEPS if kind.may_follow)
        raise ValueError(
            f"no compression is called {name!r}: the known ones are {FP32.name}, "
            f"{', '.join(kind.help() for kind in STEPS)} (PERCENT from 1 to 99); what "
            f"prunes or factorizes may stand, with a +, before one of {followers}"
        )
    return found


def _step(part: str) -> Step:
    found = next(filter(None, (kind.parse(part) for kind in STEPS)), None)
    if found is None:
        raise ValueError(f"no step is called {part!r}")
    return found
