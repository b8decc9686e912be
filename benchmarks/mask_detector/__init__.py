"""Benchmark of the labels for detectors: `python -m benchmarks.mask_detector`."""
