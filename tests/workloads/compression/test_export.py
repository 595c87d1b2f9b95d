import logging

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from workloads.compression import export
from workloads.compression.export import export_onnx


class Scaled(nn.Module):
    def forward(self, x):
        return x * 2


def test_a_model_runs_on_other_batches_and_lengths(tiny, tiny_onnx):
    session = onnxruntime.InferenceSession(tiny_onnx)
    for shape in ((1, 12, 8), (5, 13, 8), (2, 301, 8)):
        x = torch.randn(shape)
        found = session.run(None, {"features": x.numpy()})[0]
        torch.testing.assert_close(
            torch.from_numpy(found), tiny(x).detach(), atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("batch", [1, 3])
def test_names_are_the_ones_asked_for_and_axes_are_free(tmp_path, batch):
    path = tmp_path / "new folder" / "m.onnx"
    export_onnx(Scaled().eval(), torch.randn(batch, 4, 3), path, "sounds", "louder")
    graph = onnx.load(path).graph
    assert [x.name for x in graph.input] == ["sounds"]
    assert [x.name for x in graph.output] == ["louder"]
    dims = graph.input[0].type.tensor_type.shape.dim
    assert [d.HasField("dim_param") for d in dims] == [True, True, False]
    assert dims[2].dim_value == 3


def test_the_largest_difference_is_returned(tmp_path):
    path = tmp_path / "m.onnx"
    assert export_onnx(Scaled().eval(), torch.randn(2, 4, 3), path) == 0.0


def test_a_file_that_differs_is_refused_with_the_shape(monkeypatch, tmp_path):
    class Moody(nn.Module):
        """Adds something only where nobody traces."""

        def forward(self, x):
            return x if torch.compiler.is_compiling() else x + 0.5 * (len(x) == 2)

    with pytest.raises(
        ValueError, match=r"differs .* by 0\.5 for the shape \(2, 5, 3\)"
    ):
        export_onnx(Moody().eval(), torch.randn(2, 4, 3), tmp_path / "m.onnx")
    monkeypatch.setattr(export, "TOLERANCE", 0.6)
    found = export_onnx(Moody().eval(), torch.randn(2, 4, 3), tmp_path / "m.onnx")
    assert found == pytest.approx(0.5)


@pytest.mark.parametrize(("offset", "allowed"), [(3e-4, True), (6e-4, False)])
def test_large_outputs_may_differ_by_their_share(tmp_path, offset, allowed):
    class Off(nn.Module):
        """The largest output is 4, so that 4e-4 is what may be off."""

        def forward(self, x):
            wrong = 0.0 if torch.compiler.is_compiling() else offset
            return (x * 0 + 1) * 4 - wrong

    def export():
        return export_onnx(Off().eval(), torch.randn(2, 4, 3), tmp_path / "m.onnx")

    if allowed:
        assert export() == pytest.approx(offset, rel=0.01)
    else:
        with pytest.raises(ValueError, match=r"by 0\.0006 .* at most 0\.0004"):
            export()


def test_a_file_of_another_output_length_is_refused(tmp_path):
    class Shortening(nn.Module):
        def forward(self, x):
            return x if torch.compiler.is_compiling() else x[:, 1:]

    with pytest.raises(
        ValueError, match=r"turns \(1, 4, 3\) into \(1, 4, 3\), the mod"
    ):
        export_onnx(Shortening().eval(), torch.randn(2, 4, 3), tmp_path / "m.onnx")


def test_a_module_in_training_is_refused(tmp_path):
    with pytest.raises(ValueError, match="training mode"):
        export_onnx(Scaled().train(), torch.randn(2, 4, 3), tmp_path / "m.onnx")


def test_an_example_of_other_axes_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"shape \(4, 3\), expected \(batch"):
        export_onnx(Scaled().eval(), torch.randn(4, 3), tmp_path / "m.onnx")


def test_the_exporter_says_nothing(tmp_path, capfd, caplog, recwarn):
    level = logging.getLogger("torch.onnx").level
    export_onnx(Scaled().eval(), torch.randn(2, 4, 3), tmp_path / "m.onnx")
    assert capfd.readouterr() == ("", "")
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert not list(recwarn)
    assert logging.getLogger("torch.onnx").level == level
