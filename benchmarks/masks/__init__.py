"""Measurements of how realistic the masks are."""
