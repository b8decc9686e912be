"""Generation: plans become shards, in worker processes; and the benchmark of it."""
