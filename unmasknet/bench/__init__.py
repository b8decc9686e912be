"""Benchmarks of the loader, the training step and inference."""
