"""Quantize one layer of a trained size at a time, and rank the layers by their cost.

    python -m benchmarks.studies.sensitivity --size wav2letter-small
    python -m benchmarks.studies.sensitivity --compression int8-static --html a.html

ONNX Runtime runs each model over the validation set of the built-in speech, or of the
arrays of `--data-root`, one utterance at a time; best-path transcripts are compared
with those of fp32. Yanamandra et al., "Quantization of CNN-based Language Models",
found by hand that the first convolution costs most, and kept that one in float.
"""

import os
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from benchmarks.studies.command import places, study_outputs
from benchmarks.studies.sensitivity.page import report
from benchmarks.studies.sensitivity.report import (
    STUDY,
    WIDTH,
    Setting,
    progress,
    table,
    verdict,
)
from harness.report.tables.outputs import Outputs, usage_errors
from harness.report.tables.terminal import console_of, print_table
from workloads.compressed import CompressedModel
from workloads.compression.known import POST_TRAINING, parse
from workloads.compression.sensitivity import Sensitivity, analyse
from workloads.compression.step import FP32
from workloads.metrics.error_rates import ErrorRate
from workloads.recognition.data import Recordings
from workloads.runtimes.onnx_runtime import OnnxRuntimeSession
from workloads.task import DataRequest
from workloads.training.weights import Weights, data_for, find
from workloads.wav2letter.sizes import SIZES, WAV2LETTER_SMALL, Wav2LetterSize
from workloads.wav2letter.task import EDITS, WAV2LETTER


def analyse_size(
    size: Wav2LetterSize, weights: Path, data: Recordings, setting: Setting
) -> Sensitivity:
    """Of trained `weights`, on the validation part of `data`, normalised as they were
    trained; prints each layer."""
    compression = parse(setting.compression)
    threads = len(os.sched_getaffinity(0))
    best_path = WAV2LETTER.decoder(data.train, 1)

    def run(path: Path) -> list[np.ndarray]:
        session = OnnxRuntimeSession(path, threads)
        return WAV2LETTER.log_probs(
            lambda features: session.output(session.prepare(features)), data, 1
        )

    def score(log_probs: list[np.ndarray]) -> ErrorRate:
        hypotheses = list(map(best_path, log_probs))
        found = WAV2LETTER.scores_of(data.validation, hypotheses).measures[EDITS]
        assert isinstance(found, ErrorRate)
        return found

    fp32 = CompressedModel(WAV2LETTER, size, FP32, Weights(weights), data).onnx()
    calibrated = "calibration" in compression.needs
    return analyse(
        fp32.path,
        compression,
        WAV2LETTER.calibration(data) if calibrated else None,
        run,
        score,
        lambda layer, count: click.echo(progress(layer, count, setting)),
    )


@click.command(help=__doc__.splitlines()[0] if __doc__ else None)
@click.option("--size", type=click.Choice(sorted(SIZES)), default=WAV2LETTER_SMALL.name)
@click.option(
    "--compression",
    type=click.Choice(POST_TRAINING),
    default=POST_TRAINING[0],
    help=f"[default: {POST_TRAINING[0]}, the paper's]",
)
@click.option("--utterances", type=int, help="held-out ones  [default: all]")
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="the paper's arrays, instead of built-in speech",
)
@study_outputs
def main(
    size: str,
    compression: str,
    utterances: int | None,
    data_root: Path | None,
    outputs: Outputs,
) -> None:
    own = SIZES[size]
    with usage_errors():
        STUDY.check(outputs)
        data = WAV2LETTER.dataset(own, DataRequest("quick", data_root))
        chosen = places(utterances, len(data.validation.texts), "utterances")
        data = replace(data, validation=data.validation.at(chosen))
        weights = find(WAV2LETTER, own, corpus_checksum=data.checksum)
        data = data_for(WAV2LETTER, own, data, weights)
    setting = Setting(size, compression, data.name)
    found = analyse_size(own, weights, data, setting)
    click.echo()
    print_table(table(found, setting), console_of(WIDTH))
    STUDY.write(outputs, report(found, setting, {"": (weights, data)}))
    click.echo(f"\n{verdict(found, setting)}")


if __name__ == "__main__":
    main()
