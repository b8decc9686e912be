"""Data set on disk: labels, shards, records, plan and card; reading, verifying and unpacking it."""
