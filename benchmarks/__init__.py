"""Measurements behind the figures of the documents; each prints what it found."""
