"""Compatibility test: opens a data set with the readers that people use, each in an environment of its own."""
