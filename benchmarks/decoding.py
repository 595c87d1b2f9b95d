"""What the decoding benchmarks share: their points over beams, and where they run.

Loads no torch: benchmark files import it.
"""

from __future__ import annotations

from harness.workload import Context, Point, UnsupportedError

UNCAPPED = ("numpy", "flashlight")  # the cap's environment variables do not reach them


def check_decodes_here(context: Context) -> None:
    """Raise UnsupportedError, and say why, for hardware that decoding cannot use."""
    if context.hardware.is_cuda:
        raise UnsupportedError("decoding runs on the CPU: use --hardware=cpu")
    if context.hardware.isa is not None and context.case.runtime in UNCAPPED:
        raise UnsupportedError(
            f"an instruction-set cap does not reach {context.case.runtime}, which "
            "decodes: time it on uncapped hardware"
        )


def beam_points(
    model: str, best_path: str, beams: tuple[int, ...], expected_s: float
) -> tuple[Point, ...]:
    """One for each beam; a beam of 1 is the best path, on the runtime `best_path`."""
    return tuple(
        Point(
            model,
            "fp32",
            best_path if beam == 1 else "flashlight",
            1,
            expected_s,
            (("beam", str(beam)),),
        )
        for beam in beams
    )
