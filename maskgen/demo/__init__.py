"""Demo: the whole pipeline on the built-in photo."""
