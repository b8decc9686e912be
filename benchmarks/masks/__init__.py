"""Judges of how real the masks are."""
