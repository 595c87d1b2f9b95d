"""Static int8 of torch modules, for `torch.compile`.

Axes: `B` utterances, `T` frames, `F` features; samples are frames of one feature.

torchao's export quantization for x86: unsigned 8-bit activations of ranges from
histograms, 8-bit weights with a scale for each output channel. Inductor makes oneDNN's
integer kernels of it only with `torch._inductor.config.freezing = True`, under
`torch.no_grad()`.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workloads.compression.calibration import checked_calibration
from workloads.compression.export import DYNAMIC, quiet, several
from workloads.compression.graph import kept_layers


def quantize_for_compile(
    module: nn.Module,
    example: Tensor,
    calibration: Sequence[NDArray[np.float32]],
    keep: str = "none",
) -> nn.Module:
    """A quantized copy, as `ExportStep.exported` says.

    Raises ValueError if the module is training or has an LSTM, or for bad calibration
    data.
    """
    if module.training:
        raise ValueError("the module is in training mode: call its eval() first")
    if lstms := [n for n, m in module.named_modules() if isinstance(m, nn.LSTM)]:
        raise ValueError(
            f"{', '.join(lstms)}: torch.export fixes the length of an LSTM's input, so "
            "torch.compile gets no int8-static of it; use onnxruntime or openvino"
        )
    utterances = checked_calibration(calibration, example.shape[2])
    with quiet("torch.utils._pytree", "torchao"):
        from torchao.quantization.pt2e import allow_exported_model_train_eval
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        prepared = prepare_pt2e(_traced(module, example), _quantizer(keep))
        with torch.no_grad():
            for utterance in utterances:
                prepared(torch.from_numpy(utterance)[None])
            converted = convert_pt2e(prepared)
    return allow_exported_model_train_eval(converted)


def stored_bytes(module: nn.Module) -> int:
    """Of the tensors that a module computes with; a quantized copy still holds, beside
    them, the float weights that it was made of."""
    if not isinstance(module, torch.fx.GraphModule):
        tensors = [*module.parameters(), *module.buffers()]
    else:
        nodes = module.graph.nodes
        names = {str(node.target) for node in nodes if node.op == "get_attr"}
        tensors = [attrgetter(name)(module) for name in names]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _traced(module: nn.Module, example: Tensor) -> Any:
    # Else a graph is only for lengths that are whole windows, as the example's is or is
    # not. torch.onnx.export sets this, too.
    free = cast(Any, torch.fx.experimental._config)
    with free.patch(backed_size_oblivious=True):
        program = torch.export.export(
            module, (several(example),), dynamic_shapes=DYNAMIC
        )
    # A convolution of one row asks whether its input is channels last, which torch can
    # tell of more than one utterance alone: a guard on the batch, though the graph is
    # the same for all.
    return program.module(check_guards=False)


def _quantizer(keep: str) -> Any:
    """torchao's, which annotates a Conv1d only where a ReLU follows it: the other ones,
    such as a model's last, are annotated here. Its own way to keep a module in float
    knows no Conv1d with a ReLU either, so kept layers are marked before it looks.
    """
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    aten = torch.ops.aten
    convolutions = (aten.conv1d.default, aten.conv2d.default)

    class Quantizer(x86.X86InductorQuantizer):
        def annotate(self, model: Any) -> Any:
            nodes = [node for node in model.graph.nodes if node.op == "call_function"]
            layers = [
                n for n in nodes if n.target in (*convolutions, aten.linear.default)
            ]
            by_name = {node.name: node for node in layers}
            for name in kept_layers(list(by_name), keep):
                x86._annotate_nodes_not_quantize(by_name[name])
            super().annotate(model)
            for node in layers:
                if node.target in convolutions and not x86._is_node_annotated(node):
                    self._annotate_conv_node_helper(node, False, self.global_config)
            return model

    return Quantizer().set_global(x86.get_default_x86_inductor_quantization_config())
