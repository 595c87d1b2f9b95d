"""What one candidate measured of one work, made by hand: for comparisons of tests."""

from __future__ import annotations

import math
from dataclasses import replace

from harness.report.compare.model import (
    CurvePoint,
    Error,
    Estimate,
    KernelShare,
    Measured,
    Moment,
    Peak,
    TargetTime,
    Training,
    Work,
)
from harness.statistics import PercentileBound

AUDIO_S = 3.0  # an item
COMPRESSIONS = {  # factor on the time, word error rate
    "fp32": (1.0, 0.200),
    "bf16": (0.6, 0.202),
    "int8-dynamic": (0.4, 0.206),
}
LEVELS = (0.3, 0.24, 0.2)


def estimate(value: float, spread: float = 0.02, processes: int = 3) -> Estimate:
    """Processes evenly about the value; one alone has no interval."""
    if processes == 1:
        return Estimate(value, None, None, (value,))
    middle = (processes - 1) / 2
    values = tuple(value * (1 + spread * (p - middle)) for p in range(processes))
    return Estimate(value, value * (1 - 2 * spread), value * (1 + 2 * spread), values)


def bound(value: float | None, n: int = 2000, needed: int = 64) -> PercentileBound:
    return PercentileBound(value, None if value is None else 1.1 * value, n, needed)


def measured(
    step_s: float, items: float, processes: int = 3, **more: object
) -> Measured:
    """An operation without accuracy, energy or sensors, unless `more` has them."""
    ms = 1e3 * step_s
    plain = Measured(
        step_s=estimate(step_s, processes=processes),
        throughput_items_per_s=estimate(items / step_s, processes=processes),
        rtfx=estimate(AUDIO_S * items / step_s, processes=processes),
        latency_ms={
            "p50": bound(0.97 * ms),
            "p90": bound(1.2 * ms),
            "p99": bound(1.6 * ms),
            "p99_9": bound(None, needed=6636),
        },
        errors={},
        errors_reason="features have no errors",
        gate_passed=None,
        training=None,
        joules_per_audio_hour=None,
        energy_source="none",
        energy_reason="no powercap folder: this is a virtual machine",
        peak_rss_bytes=int(400e6 + 2e6 * items),
        peak_device_bytes=None,
        model_bytes=None,
        peak=None,
        kernels=(),
        kernels_coverage_percent=None,
        timeline=(),
        spoiled=False,
        warnings=(),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def error(value: float, baseline: float | None = None, gate: float = 0.01) -> Error:
    interval = (value - 0.03, value + 0.03)
    if baseline is None:
        return Error(value, interval, 139, None, None, None)
    rise = value - baseline
    return Error(value, interval, 139, rise, gate, rise <= gate)


def kernels(step_s: float, compression: str) -> tuple[KernelShare, ...]:
    shares = {
        ("convolution", "forward"): 46.0,
        ("rnn", "forward"): 30.0,
        ("inner_product", "forward"): 14.0,
        ("reorder", "none"): 6.0,
        ("eltwise", "none"): 4.0,
    }
    return tuple(
        KernelShare(
            *kind, f"brgemm:avx512_{compression}", 0.009 * step_s * share, share
        )
        for kind, share in shares.items()
    )


def timeline(seconds: float, gpus: int = 0, readings: int = 60) -> tuple[Moment, ...]:
    stages = ("build", "warmup", "timed", "accuracy")
    return tuple(
        Moment(
            seconds * (i + 1) / readings,
            stages[min(4 * i // readings, 3)],
            150 + 40 * math.sin(i / 3),
            75 + 20 * math.sin(i / 3),
            tuple(60.0 + 10 * g + 20 * math.cos(i / 4) for g in range(gpus)),
        )
        for i in range(readings)
    )


def inference(work: Work, slowness: float, fails: bool = False) -> Measured:
    """An acoustic model's step; int8 fails its gate where told to."""
    factor, wer = COMPRESSIONS[work.compression]
    if work.compression == "int8-dynamic" and fails:
        wer = 0.26
    step_s = 0.004 * slowness * factor * work.batch_size**0.8
    baseline = None if work.compression == "fp32" else COMPRESSIONS["fp32"][1]
    errors = {"wer": error(wer, baseline), "cer": error(wer / 3)}
    flops = 2e9 * work.batch_size / step_s
    peak_flops = 6e12 / slowness / factor
    return measured(
        step_s,
        work.batch_size,
        errors=errors,
        errors_reason=None,
        gate_passed=errors["wer"].passed,
        joules_per_audio_hour=estimate(9.0 / slowness),
        energy_source="rapl",
        energy_reason=None,
        model_bytes=int(3.3e6 * (0.3 if work.compression == "int8-dynamic" else 1)),
        peak=Peak(
            work.compression.partition("-")[0],
            peak_flops,
            60e9 / slowness,
            flops,
            flops / peak_flops,
        ),
        kernels=kernels(step_s, work.compression),
        kernels_coverage_percent=87.5,
        timeline=timeline(30 * slowness),
    )


def training(slowness: float, runs: int = 3) -> Measured:
    """Falls to a word error rate of 20 % on all but the slowest machine."""
    epochs = 14 if slowness > 1.5 else 24
    epoch_s = 3.0 * slowness
    curves = tuple(
        tuple(
            CurvePoint(
                epoch_s * (epoch + 1),
                {
                    "wer": 0.15 + 0.8 * math.exp(-epoch / (5 + 0.4 * run)),
                    "cer": 0.05 + 0.3 * math.exp(-epoch / (4 + 0.4 * run)),
                },
            )
            for epoch in range(epochs)
        )
        for run in range(runs)
    )
    targets = tuple(
        TargetTime("wer", level, runs, *_reached(level, epoch_s, epochs, runs))
        for level in LEVELS
    )
    return measured(
        epoch_s,
        500,
        latency_ms={},
        errors={"wer": error(0.17)},
        errors_reason=None,
        training=Training(targets, estimate(epoch_s), curves, tuple(range(runs))),
        timeline=timeline(epoch_s * epochs, gpus=1),
        warnings=("steady: false after 20 s; measure for longer",),
    )


def _reached(
    level: float, epoch_s: float, epochs: int, runs: int
) -> tuple[int, Estimate | None, float | None]:
    epoch = math.ceil(-5.4 * math.log((level - 0.15) / 0.8)) + 1
    if epoch > epochs:
        return runs - 1, None, None
    return runs, estimate(epoch_s * epoch, 0.05), float(epoch)
