"""Training of both stages: tasks, losses, training loop, run folder and report."""
