"""The two networks as one file that runs without us: ONNX or TorchScript, checked against what it was made of."""
