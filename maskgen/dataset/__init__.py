"""A data set on disk: labels, shards, records, plan, card; reading it back, verifying and unpacking it."""
