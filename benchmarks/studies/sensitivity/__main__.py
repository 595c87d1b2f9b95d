"""Quantize one layer of a trained size at a time, and rank the layers by their cost.

    python -m benchmarks.studies.sensitivity --size wav2letter-small
    python -m benchmarks.studies.sensitivity --compression int8-static --html a.html

ONNX Runtime runs each model over the validation set of the built-in speech, or of the
arrays of `--data-root`, one utterance at a time; best-path transcripts are compared
with those of fp32. Yanamandra et al., "Quantization of CNN-based Language Models",
found by hand that the first convolution costs most, and kept that one in float.
"""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from basics.files import file_sha256
from benchmarks.studies.command import add_outputs, evenly, versions
from benchmarks.studies.sensitivity.page import page
from benchmarks.studies.sensitivity.report import (
    STUDY,
    WIDTH,
    Setting,
    numbers,
    progress,
    table,
    verdict,
)
from harness.report.tables.terminal import console_of, print_table
from workloads.compressed import CompressedModel
from workloads.compression.names import POST_TRAINING, Compression, parse
from workloads.compression.sensitivity import LayerCost, Sensitivity, analyse
from workloads.corpora.generated import available_cores
from workloads.metrics.error_rates import ErrorRate
from workloads.recognition.data import Part, Recordings
from workloads.runtimes.onnx_runtime import OnnxRuntimeOptions, OnnxRuntimeSession
from workloads.task import DataRequest
from workloads.training.weights import Weights, find, load_constants
from workloads.wav2letter.sizes import SIZES, WAV2LETTER_SMALL, Wav2LetterSize
from workloads.wav2letter.task import EDITS, WAV2LETTER

COMMAND = "python -m benchmarks.studies.sensitivity"
PACKAGES = ("speechmark", "numpy", "onnx", "onnxruntime", "torch")
_FP32 = Compression("fp32")


def some(part: Part, count: int | None) -> Part:
    """So many utterances that lie evenly over the part, or all of them.

    Raises ValueError for fewer than one or more than there are.
    """
    if count is None:
        return part
    there = len(part.texts)
    among = f"the validation set has {there}"
    positions = evenly(count, there, "utterances", among)
    return part.at(positions)


def analyse_size(
    size: Wav2LetterSize,
    compression: Compression,
    weights: Path,
    data: Recordings,
    setting: Setting,
) -> Sensitivity:
    """Of trained `weights`, on the validation part of `data`, normalised as they were
    trained; prints each layer."""
    options = OnnxRuntimeOptions(available_cores())
    best_path = WAV2LETTER.decoder(data.train, 1)

    def run(path: Path) -> list[np.ndarray]:
        session = OnnxRuntimeSession(path, options)
        return WAV2LETTER.log_probs(
            lambda features: session.output(session.prepare(features)), data, 1
        )

    def score(log_probs: list[np.ndarray]) -> ErrorRate:
        hypotheses = list(map(best_path, log_probs))
        found = WAV2LETTER.scores_of(data.validation, hypotheses).measures[EDITS]
        assert isinstance(found, ErrorRate)
        return found

    def tell(layer: LayerCost, count: int) -> None:
        print(progress(layer, count, setting), flush=True)

    fp32 = CompressedModel(WAV2LETTER, size, _FP32, Weights(weights), data).onnx()
    calibrated = compression.calibrated
    calibration = WAV2LETTER.calibration(data) if calibrated else None
    return analyse(fp32.path, compression, calibration, run, score, tell)


def origin_of(weights: Path, data: Recordings, command: str) -> dict[str, str]:
    """What another needs to get the same numbers."""
    return {
        "command": command,
        "corpus": data.name,
        "corpus_checksum": data.checksum,
        "weights_sha256": file_sha256(weights),
        **versions(PACKAGES),
    }


def make_parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(SIZES), default=WAV2LETTER_SMALL.name)
    parser.add_argument(
        "--compression",
        choices=POST_TRAINING,
        default=POST_TRAINING[0],
        help="default: %(default)s, the paper's",
    )
    parser.add_argument(
        "--utterances", type=int, help="of the validation set; default: all"
    )
    add_outputs(parser)
    parser.add_argument(
        "--data-root",
        type=Path,
        help="the paper's arrays, instead of built-in speech",
    )
    return parser


def dataset_of(size: Wav2LetterSize, chosen: argparse.Namespace) -> Recordings:
    data = WAV2LETTER.dataset(size, DataRequest("quick", chosen.data_root))
    return replace(data, validation=some(data.validation, chosen.utterances))


def _command(chosen: argparse.Namespace) -> str:
    """Without the files that are written: they change no number."""
    words = [*COMMAND.split(), "--size", chosen.size]
    words += ["--compression", chosen.compression]
    for option in ("utterances", "data_root"):
        if (value := getattr(chosen, option)) is not None:
            words += [f"--{option.replace('_', '-')}", str(value)]
    return shlex.join(words)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = make_parser()
    chosen = parser.parse_args(arguments)
    size = SIZES[chosen.size]
    try:
        STUDY.check_outputs(chosen)
        data = dataset_of(size, chosen)
        weights = find(WAV2LETTER, size, corpus_checksum=data.checksum)
        constants = load_constants(WAV2LETTER, size, weights)
        data = WAV2LETTER.with_constants(data, constants)
    except ValueError as error:
        parser.error(str(error))
    setting = Setting(
        size.name,
        chosen.compression,
        data.name,
        "edits an utterance",
        "log-probabilities",
        "nats",
    )
    found = analyse_size(size, parse(chosen.compression), weights, data, setting)
    print()
    shown = table(found, setting)
    print_table(shown, console_of(WIDTH))
    origin = origin_of(weights, data, _command(chosen))
    content = {**numbers(found, setting), "origin": origin}
    STUDY.write(chosen, [shown], content, lambda: page(found, setting, origin))
    print(f"\n{verdict(found, setting)}")


if __name__ == "__main__":
    main()
