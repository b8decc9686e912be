"""Evaluation: networks, trivial baselines and other methods, scored by one protocol."""
