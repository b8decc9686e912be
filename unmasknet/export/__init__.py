"""Export of both networks to one file that runs without unmask, ONNX or TorchScript, verified against torch."""
