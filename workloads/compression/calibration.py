"""Calibration: from what a model will be given to the ranges of its activations.

Axes: `T` frames, `F` features.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of the magnitudes of an activation: what is beyond is clipped. ONNX Runtime's 99.999
# clips less; of a random network that is given heavy tails, int8-static gets logits off
# by 4.7 %, and by 6.2 % where nothing is clipped.
PERCENTILE = 99.99


def checked_calibration(
    calibration: Sequence[NDArray[np.float32]] | None, width: int | None
) -> list[NDArray[np.float32]]:
    """The utterances (T, F), each with frames, F = `width`, and finite.

    Raises ValueError that tells which one is not.
    """
    if not calibration:
        raise ValueError(
            "no calibration data: static quantization derives the ranges of "
            "activations from some utterances; give 16 or more of the training set"
        )
    for number, utterance in enumerate(calibration):
        which = f"calibration utterance {number}"
        if utterance.ndim != 2 or (width and utterance.shape[1] != width):
            raise ValueError(
                f"{which} has shape {utterance.shape}, expected (frames, {width})"
            )
        if not len(utterance):
            raise ValueError(f"{which} has no frames: leave it out")
        if bad := int(np.count_nonzero(~np.isfinite(utterance))):
            raise ValueError(
                f"{which} holds {bad} of {utterance.size} values that are not "
                "finite: check the features that it was made from"
            )
    return [np.asarray(utterance, np.float32) for utterance in calibration]


def onnxruntime_options(
    name: str, utterances: list[NDArray[np.float32]]
) -> dict[str, Any]:
    """The arguments of ONNX Runtime that say how to calibrate.

    One utterance at a time: its histograms would otherwise hold every activation of all
    utterances, and could not take utterances of different lengths at all. (The option
    meant for this, CalibMaxIntermediateOutputs, throws collected data away.)
    """
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod

    ordered = _by_loudness(utterances)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.set_range(0, len(ordered))

        def __len__(self) -> int:
            return len(ordered)

        def set_range(self, start_index: int, end_index: int) -> None:
            self._left = iter(ordered[start_index:end_index])

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            found = next(self._left, None)
            return None if found is None else {name: found[None]}

    return {
        "calibration_data_reader": Reader(),
        "calibrate_method": CalibrationMethod.Percentile,
        "extra_options": {"CalibStridedMinMax": 1, "CalibPercentile": PERCENTILE},
    }


def _by_loudness(utterances: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """From quiet to loud, but those of an eighth of the loudest peak or less at last.

    A histogram of ONNX Runtime has few bins for its first utterance, and grows by bins
    of their width: a loud utterance after a silence takes many.
    """
    peaks = [float(np.abs(utterance).max()) for utterance in utterances]
    order = sorted(
        range(len(peaks)), key=lambda i: (peaks[i] <= max(peaks) / 8, peaks[i])
    )
    return [utterances[i] for i in order]
