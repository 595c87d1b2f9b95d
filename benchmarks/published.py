"""Times to accuracy that papers published, in their own minutes and levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.workload import Published, Target
from workloads.metrics.kinds import CER, WER

SOURCE = "Baunsgaard, Wrede, Tözün: Training for Speech Recognition on Co-processors"
LIBRISPEECH_TARGETS = (
    *(Target.of(CER, level) for level in (0.10, 0.08, 0.07)),
    *(Target.of(WER, level) for level in (0.22, 0.202, 0.192)),
)
EQUAL_BATCH_TARGETS = (
    *(Target.of(CER, level) for level in (0.10, 0.08, 0.07)),
    *(Target.of(WER, level) for level in (0.22, 0.20, 0.19)),
)

Minutes = tuple[int | None, ...]  # one a target; None: not reached
# Table 4, by machine and batch size; their prices stand in results/prices.toml.
OWN_BATCH: Mapping[tuple[str, int], Minutes] = {
    ("Sys1$", 96): (820, 1641, 2450, 1908, 2174, 2725),
    ("Sys2$", 240): (672, 1118, 2429, 1251, 1980, 2834),
    ("Sys10$", 300): (511, 974, None, 1143, 2840, None),
}
# Table 6.
EQUAL_BATCH: Mapping[tuple[str, int], Minutes] = {
    ("Sys1$", 96): (771, 1291, 2322, 1806, 2322, 2322),
    ("Sys2$", 96): (791, 1571, 2091, 1571, 2091, 2352),
    ("Sys10$", 96): (479, 879, 1600, 1197, 1600, 2078),
}


def _times(
    table: Mapping[tuple[str, int], Minutes], targets: Sequence[Target], setting: str
) -> tuple[Published, ...]:
    return tuple(
        Published(
            machine,
            "ds2-paper",
            "fp32",
            batch_size,
            setting.format(batch_size),
            target,
            None if minutes is None else 60.0 * minutes,
            SOURCE,
        )
        for (machine, batch_size), row in table.items()
        for target, minutes in zip(targets, row, strict=True)
    )


# The beam widths are those of the evaluations on the way, which count.
ASR_TRAINING = (
    *_times(OWN_BATCH, LIBRISPEECH_TARGETS, "batch {}, beam 256"),
    *_times(EQUAL_BATCH, EQUAL_BATCH_TARGETS, "equal batch {}, beam 64"),
)
