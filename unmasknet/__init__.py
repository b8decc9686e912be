"""The networks that take masks off again. Of `maskgen` they know what a shard is, and nothing else."""
