"""Runtimes: the two networks behind one protocol, computed by torch, ONNX Runtime or OpenCV."""
