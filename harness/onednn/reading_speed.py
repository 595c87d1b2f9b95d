"""How fast logs are read, and in how much memory.

python -m harness.onednn.reading_speed --megabytes 1000
"""

from __future__ import annotations

import random
import resource
import tempfile
from pathlib import Path
from time import perf_counter

import click

from harness.onednn.totals import totals_of

DISTINCT = 500  # lines that differ in more than their time: a large model's step
SHARE_OF_OTHERS = 0.1  # lines of other programs in between
_LINE = (
    "onednn_verbose,v1,primitive,exec,cpu,convolution,brg_conv_fwd:avx512_core_bf16,"
    "forward_training,src:bf16::blocked:acdb::f0 wei:bf16:a:blocked:ABcd16a32b2a::f0 "
    "bia:bf16:a:blocked:a::f0 dst:bf16::blocked:acdb::f0,attr-scratchpad:user,"
    "alg:convolution_direct,mb32_ic{n}oc64_ih1oh1kh1sh1dh0ph0_iw400ow400kw3sw1dw0pw1,"
)


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--megabytes", type=click.IntRange(1), default=100, show_default=True)
def main(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "onednn.log"
        lines = write(path, megabytes * 1_000_000)
        before = peak_bytes()
        began = perf_counter()
        totals = totals_of(path, ("primitive", "direction"), lambda done: None)
        spent = perf_counter() - began
    click.echo(
        f"{lines:,} lines, {megabytes:,} MB in {spent:.3g} s: "
        f"{lines / spent:,.0f} lines a second; {totals.calls():,} executions; "
        f"peak memory {peak_bytes() / 1e6:.0f} MB, {before / 1e6:.0f} MB before"
    )


def write(path: Path, size_bytes: int) -> int:
    """A log of about so many bytes, of executions in turns: how many lines it has."""
    chance = random.Random(0)
    heads = [_LINE.format(n=16 * n) for n in range(1, DISTINCT + 1)]
    written = lines = 0
    with path.open("w") as file:
        while written < size_bytes:
            block = [
                "epoch 1, loss 0.5\n"
                if chance.random() < SHARE_OF_OTHERS
                else f"{head}{chance.random():.6g}\n"
                for head in heads
            ]
            written += file.write("".join(block))
            lines += len(block)
    return lines


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
