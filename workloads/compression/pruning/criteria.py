"""What is pruned, in plain values."""

from dataclasses import dataclass

STRUCTURED = ("random", "l1", "l2", "gradient")
UNSTRUCTURED = ("random", "l1", "gradient")


@dataclass(frozen=True)
class Pruning:
    """`percent` of each layer's weights go, those that `criterion` says matter least;
    structured, whole output channels."""

    criterion: str
    structured: bool
    percent: int

    def __post_init__(self) -> None:
        known = STRUCTURED if self.structured else UNSTRUCTURED
        if self.criterion not in known or not 0 < self.percent < 100:
            raise ValueError(f"no pruning is called {self.name!r}: give {self.help()}")

    @property
    def name(self) -> str:
        """
        >>> Pruning("l1", False, 50).name
        'prune-l1-unstructured-50'
        """
        kind = "structured" if self.structured else "unstructured"
        return f"prune-{self.criterion}-{kind}-{self.percent}"

    @classmethod
    def help(cls) -> str:
        return (
            "prune-CRITERION-structured-PERCENT with one of "
            f"{', '.join(STRUCTURED)}, prune-CRITERION-unstructured-PERCENT with one "
            f"of {', '.join(UNSTRUCTURED)}"
        )
