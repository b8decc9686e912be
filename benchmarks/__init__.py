"""Benchmarks that produce the figures in the documentation; each prints its result."""

from unmasknet.openmp import wait_without_spinning

wait_without_spinning()  # before a benchmark imports torch
