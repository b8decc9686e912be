"""Data loading: turns shards into batches."""
