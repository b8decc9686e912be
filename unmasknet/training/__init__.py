"""Training: both stages, their losses, the loop, the run folder and its report."""
