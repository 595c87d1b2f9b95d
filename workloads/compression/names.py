"""What the names of compressions mean."""

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

FLOATS = ("fp32", "bf16", "fp16")
POST_TRAINING = ("int8-dynamic", "int8-static")
OTHERS = ("int8-qat", "int16-weights", "w16a8")
KEPT = {"none": 0, "first": 1, "edges": 4}  # layers that stay in float
STRUCTURED = ("random", "l1", "l2", "gradient")
UNSTRUCTURED = ("random", "l1", "gradient")
Method = Literal["cp", "tucker", "tsvd"]
METHODS: tuple[Method, ...] = get_args(Method)


@dataclass(frozen=True)
class Pruning:
    """Which weights are set to zero: `percent` of each layer's, those that `criterion`
    says matter least; structured, whole output channels."""

    criterion: str
    structured: bool
    percent: int

    def __post_init__(self) -> None:
        known = STRUCTURED if self.structured else UNSTRUCTURED
        if self.criterion not in known or not 0 < self.percent < 100:
            raise ValueError(f"no pruning is called {self.name!r}: {_known()}")

    @property
    def name(self) -> str:
        """
        >>> Pruning("l1", False, 50).name
        'prune-l1-unstructured-50'
        """
        kind = "structured" if self.structured else "unstructured"
        return f"prune-{self.criterion}-{kind}-{self.percent}"


@dataclass(frozen=True)
class Factorization:
    """A low-rank method that leaves out `percent` of the parameters of each layer that
    it changes."""

    method: Method
    percent: int

    def __post_init__(self) -> None:
        if self.method not in METHODS or not 0 < self.percent < 100:
            raise ValueError(f"no factorization is called {self.name!r}: {_known()}")

    @property
    def name(self) -> str:
        """
        >>> Factorization("tucker", 30).name
        'tucker-30'
        """
        return f"{self.method}-{self.percent}"


@dataclass(frozen=True)
class Compression:
    """How weights are stored and computed with.

    `keep` says which compute layers stay in float: "first" is the first one, "edges"
    the first two and the last two. Weights are pruned or factorized before anything
    else is done to them.
    """

    base: str
    keep: str = "none"
    pruning: Pruning | None = None
    factorization: Factorization | None = None

    def __post_init__(self) -> None:
        known = self.base in (*FLOATS, *POST_TRAINING, *OTHERS) and self.keep in KEPT
        if not known or not (self._keep_fits() and self._base_fits()):
            raise ValueError(f"no compression is called {self.name!r}: {_known()}")

    def _keep_fits(self) -> bool:
        return self.keep == "none" or self.base in POST_TRAINING

    def _base_fits(self) -> bool:
        """Whether the base can follow on what was done to the weights before."""
        if self.pruning and self.factorization:
            return False
        return not self.reshaped or self.base in (*FLOATS, *POST_TRAINING)

    @property
    def reshaped(self) -> bool:
        """Whether weights are pruned or factorized, which training may mend."""
        return self.pruning is not None or self.factorization is not None

    @property
    def weights_name(self) -> str:
        """What is done to the weights before they are stored otherwise: "" for nothing.

        >>> parse("tucker-30+int8-static").weights_name
        'tucker-30'
        """
        done = self.pruning or self.factorization
        return done.name if done else ""

    @property
    def trained_name(self) -> str:
        """What training can mend or prepare: "" where the weights are those of fp32.

        >>> parse("int8-qat").trained_name, parse("int8-static").trained_name
        ('int8-qat', '')
        """
        return "int8-qat" if self.base == "int8-qat" else self.weights_name

    @property
    def name(self) -> str:
        """The name that `parse` reads.

        >>> Compression("int8-static", "edges", Pruning("l1", False, 50)).name
        'prune-l1-unstructured-50+int8-static-keep-edges'
        """
        rest = self.base if self.keep == "none" else f"{self.base}-keep-{self.keep}"
        if not self.reshaped:
            return rest
        return self.weights_name if rest == "fp32" else f"{self.weights_name}+{rest}"

    @property
    def float_precision(self) -> str:
        """What the layers compute in that are in float.

        >>> parse("tucker-30+bf16").float_precision, parse("w16a8").float_precision
        ('bf16', 'fp32')
        """
        return self.base if self.base in FLOATS else "fp32"

    @property
    def claims(self) -> str:
        """The arithmetic that kernels have to show.

        "w16a8" multiplies integers, of 8 and 16 bits: int8 is the nearest claim.
        "int16-weights" claims none: it stores 16 bits a weight and multiplies in fp32.

        >>> parse("prune-l1-unstructured-20+int8-static").claims, parse("w16a8").claims
        ('int8', 'int8')
        >>> parse("tucker-30").claims, parse("int16-weights").claims
        ('fp32', 'fp32')
        """
        if self.base in FLOATS:
            return self.base
        return "fp32" if self.base == "int16-weights" else "int8"

    @property
    def calibrated(self) -> bool:
        """Whether the ranges of its activations come from calibration data."""
        return self.base in ("int8-static", "int8-qat", "w16a8")


_PRUNING = re.compile(
    r"prune-(?P<criterion>[a-z0-9]+)-(?P<kind>un)?structured-(?P<percent>[1-9]\d?)"
)
_FACTORIZATION = re.compile(r"(?P<method>cp|tucker|tsvd)-(?P<percent>[1-9]\d?)")


def parse(name: str) -> Compression:
    """The compression of a name.

    Raises ValueError that lists the known ones.

    >>> parse("int8-static-keep-first").keep
    'first'
    >>> parse("prune-l1-structured-30+bf16").pruning
    Pruning(criterion='l1', structured=True, percent=30)
    """
    try:
        found = _parse(name.split("+"))
    except ValueError:
        found = None
    if found is None or found.name != name:
        raise ValueError(f"no compression is called {name!r}: {_known()}")
    return found


def _parse(parts: list[str]) -> Compression:
    pruning = factorization = None
    if match := _PRUNING.fullmatch(parts[0]):
        structured = match["kind"] is None
        pruning = Pruning(match["criterion"], structured, int(match["percent"]))
        parts = parts[1:]
    if parts and (match := _FACTORIZATION.fullmatch(parts[0])):
        method = cast(Method, match["method"])
        factorization = Factorization(method, int(match["percent"]))
        parts = parts[1:]
    base, _, keep = "+".join(parts or ["fp32"]).partition("-keep-")
    return Compression(base, keep or "none", pruning, factorization)


def _known() -> str:
    kept = [f"{base}-keep-{keep}" for base in POST_TRAINING for keep in [*KEPT][1:]]
    plain = ", ".join([*FLOATS, *POST_TRAINING, *kept, *OTHERS])
    return (
        f"the known ones are {plain}; prune-CRITERION-structured-PERCENT with one of "
        f"{', '.join(STRUCTURED)}, prune-CRITERION-unstructured-PERCENT with one of "
        f"{', '.join(UNSTRUCTURED)}, and METHOD-PERCENT with one of "
        f"{', '.join(METHODS)} (PERCENT from 1 to 99), each alone or, with a +, before "
        f"one of {', '.join([*FLOATS[1:], *POST_TRAINING, *kept])}"
    )
