"""Generation of shards from a plan, in worker processes, and its benchmark."""
