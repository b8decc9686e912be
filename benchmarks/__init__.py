"""Benchmarks that produce the figures in the documentation; each prints its result."""
