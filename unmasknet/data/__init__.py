"""Data: shards in, batches out."""
