"""ONNX files that hold the model and nothing of where it was made.

Exporters write the stack trace of each node, its class and its place in the module
beside it (`metadata_props`), with the paths of the code. In small models that is a
third of the file or more: a compression then seems to shrink what was never weights,
and the same model has another size in another folder.
"""

from pathlib import Path
from typing import Any

from google.protobuf.message import Message

_PROVENANCE = ("doc_string", "metadata_props")


def save(model: Any, path: Path) -> None:
    """Write a model without provenance. Names stay: quantization goes by those of
    nodes, runtimes by those of inputs and outputs."""
    import onnx

    _forget_provenance(model)
    onnx.save(model, path)


def forget_provenance(path: Path) -> None:
    """In place, in the file of a library that writes models itself."""
    import onnx

    save(onnx.load(path), path)


def _forget_provenance(message: Message) -> None:
    """Of a message of protobuf and all within it: nodes of functions and of branches
    have their own."""
    for field, value in message.ListFields():
        if field.name in _PROVENANCE:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for one in (value,) if isinstance(value, Message) else value:
                _forget_provenance(one)
