"""Rendering: one photo and one mask become a triplet."""
