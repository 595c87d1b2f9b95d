"""Export of torch modules to ONNX, checked against the module.

Axes: `B` utterances, `T` frames, `F` features; samples are frames of one feature.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from workloads.compression import onnx_files
from workloads.compression.onnx_layers import for_onnx

# Float sums in another order differ by less than this share of the largest output, or
# than this where that is below 1: their errors grow with what is summed up.
TOLERANCE = 1e-4
DYNAMIC = ({0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC},)  # B and T
_CHATTER = ("torch.onnx", "onnxscript", "onnx_ir")  # torchvision is missing, and so on


def export_onnx(
    module: nn.Module,
    example: Tensor,
    path: Path,
    input_name: str = "features",
    output_name: str = "output",
) -> float:
    """Write the module as an ONNX model of any batch and length.

    `example` (B, T, F) is what the module is traced with; T must not be longer than the
    shortest utterance that it has to take. ONNX Runtime runs the file on several shapes
    beside the module; the largest difference is returned.

    Raises ValueError if the module is training, if the example has other axes, or if
    outputs differ by more than 1e-4, or 1e-4 of the largest one where that is above 1.
    """
    if module.training:
        raise ValueError("the module is in training mode: call its eval() first")
    if example.ndim != 3:
        raise ValueError(
            f"the example has shape {tuple(example.shape)}, expected (batch, frames, "
            "features)"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with quiet(*_CHATTER):
        program = torch.onnx.export(
            for_onnx(module),
            (several(example),),
            dynamo=True,
            dynamic_shapes=DYNAMIC,
            input_names=[input_name],
            output_names=[output_name],
            verbose=False,
        )
    assert program is not None
    onnx_files.save(program.model_proto, path)
    return _checked(path, module, example)


def several(example: Tensor) -> Tensor:
    """Two utterances or more: the tracer would take a batch of one for a constant."""
    return example.repeat(2, 1, 1) if len(example) == 1 else example


def _checked(path: Path, module: nn.Module, example: Tensor) -> float:
    """The largest difference between the file and the module."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    largest = 0.0
    for features in ragged(example):
        (found,) = session.run(None, {session.get_inputs()[0].name: features.numpy()})
        with torch.inference_mode():
            expected = module(features)
        shape = tuple(features.shape)
        if found.shape != tuple(expected.shape):
            raise ValueError(
                f"{path} turns {shape} into {found.shape}, the module into "
                f"{tuple(expected.shape)}: do not use the file"
            )
        difference = float((torch.from_numpy(found) - expected).abs().max())
        allowed = TOLERANCE * max(1.0, float(expected.abs().max()))
        if not difference <= allowed:
            raise ValueError(
                f"{path} differs from the module by {difference:.3g} for the shape "
                f"{shape}, expected at most {allowed:.3g}: do not use the file"
            )
        largest = max(largest, difference)
    return largest


def ragged(example: Tensor) -> Iterator[Tensor]:
    """Noise of other batches and lengths, none shorter than the example."""
    _, frames, width = example.shape
    noise = torch.Generator().manual_seed(0)
    for batch, length in ((1, frames), (2, frames + 1), (3, 2 * frames + 3)):
        yield torch.randn(batch, length, width, generator=noise)


@contextlib.contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Let these loggers tell errors only."""
    levels = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
