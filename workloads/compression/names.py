"""What the names of compressions mean."""

import re
from dataclasses import dataclass

FLOATS = ("fp32", "bf16", "fp16")
POST_TRAINING = ("int8-dynamic", "int8-static")
OTHERS = ("int8-qat", "int16-weights", "w16a8")
KEEPS = ("none", "first", "edges")
PRUNE = "prune-l1-unstructured-"


@dataclass(frozen=True)
class Compression:
    """How weights are stored and computed with.

    `keep` says which compute layers stay in float: "first" is the first one, "edges"
    the first two and the last two. `prune_percent` of each layer's weights, the
    smallest, are set to zero before anything else is done to them.
    """

    base: str
    keep: str = "none"
    prune_percent: int | None = None

    def __post_init__(self) -> None:
        known = self.base in (*FLOATS, *POST_TRAINING, *OTHERS) and self.keep in KEEPS
        if not known or not (self._keep_fits() and self._prune_fits()):
            raise ValueError(f"no compression is called {self.name!r}: {_known()}")

    def _keep_fits(self) -> bool:
        return self.keep == "none" or self.base in POST_TRAINING

    def _prune_fits(self) -> bool:
        if self.prune_percent is None:
            return True
        return 0 < self.prune_percent < 100 and self.base in ("fp32", *POST_TRAINING)

    @property
    def name(self) -> str:
        """The name that `parse` reads.

        >>> Compression("int8-static", "edges", 50).name
        'prune-l1-unstructured-50+int8-static-keep-edges'
        """
        rest = self.base if self.keep == "none" else f"{self.base}-keep-{self.keep}"
        if self.prune_percent is None:
            return rest
        pruned = f"{PRUNE}{self.prune_percent}"
        return pruned if rest == "fp32" else f"{pruned}+{rest}"

    @property
    def calibrated(self) -> bool:
        """Whether the ranges of its activations come from calibration data."""
        return self.base in ("int8-static", "int8-qat", "w16a8")


def parse(name: str) -> Compression:
    """The compression of a name.

    Raises ValueError that lists the known ones.

    >>> parse("int8-static-keep-first")
    Compression(base='int8-static', keep='first', prune_percent=None)
    >>> parse("prune-l1-unstructured-50+int8-static")
    Compression(base='int8-static', keep='none', prune_percent=50)
    """
    form = rf"(?:{PRUNE}(?P<percent>[1-9]\d?)(?:\+|$))?(?P<rest>.*)"
    match = re.fullmatch(form, name, re.DOTALL)
    assert match is not None  # the rest takes whatever is left
    percent, rest = match["percent"], match["rest"]
    base, _, keep = rest.partition("-keep-")
    if percent and not rest and not name.endswith("+"):
        base = "fp32"
    try:
        found = Compression(base, keep or "none", int(percent) if percent else None)
    except ValueError:
        found = None
    if found is None or found.name != name:
        raise ValueError(f"no compression is called {name!r}: {_known()}")
    return found


def _known() -> str:
    kept = [f"{base}-keep-{keep}" for base in POST_TRAINING for keep in KEEPS[1:]]
    plain = ", ".join([*FLOATS, *POST_TRAINING, *kept, *OTHERS])
    return (
        f"the known ones are {plain}, and {PRUNE}PERCENT (1 to 99) alone or, "
        f"with a +, before one of {', '.join([*POST_TRAINING, *kept])}"
    )
