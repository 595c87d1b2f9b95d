"""Sessions that run a model: one interface over ONNX Runtime, OpenVINO and PyTorch."""
