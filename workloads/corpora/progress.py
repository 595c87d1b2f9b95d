"""How far a long preparation is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # what, done, total


def no_progress(stage: str, done: int, total: int) -> None:
    """Say nothing."""
