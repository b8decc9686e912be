"""Metrics: scores of images and maps, statistics over them, and the trivial baselines."""
