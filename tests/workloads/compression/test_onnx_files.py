import importlib.util
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from workloads.compression import onnx_files
from workloads.compression.export import export_onnx
from workloads.compression.known import parse
from workloads.compression.quantization import quantize

SOURCE = """
from torch import nn

class Filtering(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv1d(8, 8, 3, padding=1), nn.Linear(8, 4)

    def forward(self, x):
        return self.second(self.first(x.mT).relu().mT)
"""
BASES = ["int8-dynamic", "int8-static", "int16-weights", "w16a8"]


def installed_in(folder: Path):
    """The very same model, whose code lies in another folder."""
    folder.mkdir(parents=True)
    path = folder / "filtering.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("filtering", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    torch.manual_seed(0)
    return module.Filtering().eval()


def provenance_in(message) -> list[str]:
    """Names of all fields that tell where a model comes from, found on another way:
    in the text of the whole message."""
    text = str(message)
    return [name for name in ("doc_string", "metadata_props") if name in text]


def exported(folder: Path) -> Path:
    path = folder / "model.onnx"
    export_onnx(installed_in(folder), torch.zeros(1, 12, 8), path)
    return path


def test_a_file_does_not_depend_on_the_folder_of_the_code(tmp_path):
    near = exported(tmp_path / "a")
    far = exported(tmp_path / "a folder with a much longer name" / "and another in it")
    assert near.read_bytes() == far.read_bytes()
    assert b"filtering.py" not in near.read_bytes()


@pytest.mark.parametrize("base", BASES)
def test_nor_does_a_quantized_file(tmp_path, base):
    rng = np.random.default_rng(0)
    utterances = [rng.standard_normal((40, 8)).astype(np.float32) for _ in range(3)]
    found = []
    for name in ("a", "a folder with a much longer name"):
        fp32, out = exported(tmp_path / name), tmp_path / name / "quantized.onnx"
        quantize(fp32, out, parse(base), utterances)
        assert not provenance_in(onnx.load(out))
        found.append(out.read_bytes())
    assert found[0] == found[1]


def annotated() -> onnx.ModelProto:
    """A branch within a node, as deep as provenance may lie."""
    branch = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"], name="turn", doc_string="file.py:7")],
        "branch",
        [],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
        doc_string="made in /home/someone",
    )
    condition = helper.make_tensor("yes", TensorProto.BOOL, [], [True])
    node = helper.make_node(
        "If", ["yes"], ["z"], name="choose", then_branch=branch, else_branch=branch
    )
    graph = helper.make_graph(
        [node],
        "whole",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2], "of speech")],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [2])],
        [condition],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    helper.set_model_props(model, {"made by": "someone"})
    helper.set_metadata_props(model.graph.node[0], {"stack": "a.py, line 3\n" * 9})
    helper.set_metadata_props(model.graph.initializer[0], {"from": "b.py"})
    return model


def test_provenance_goes_from_all_depths_and_nothing_else(tmp_path):
    model, path = annotated(), tmp_path / "model.onnx"
    assert provenance_in(model) == ["doc_string", "metadata_props"]
    names = [node.name for node in model.graph.node]
    onnx_files.save(model, path)
    kept = onnx.load(path)
    assert not provenance_in(kept)
    assert [node.name for node in kept.graph.node] == names
    assert kept.graph.node[0].attribute[0].g.node[0].name == "turn"
    (found,) = onnxruntime.InferenceSession(path).run(None, {"x": np.float32([1, -2])})
    assert found.tolist() == [-1, 2]


def test_a_file_of_another_library_is_rid_of_it_in_place(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(annotated(), path)
    before = path.stat().st_size
    onnx_files.forget_provenance(path)
    assert path.stat().st_size < before
    assert not provenance_in(onnx.load(path))
    again = shutil.copy(path, tmp_path / "again.onnx")
    onnx_files.forget_provenance(again)
    assert again.read_bytes() == path.read_bytes()
