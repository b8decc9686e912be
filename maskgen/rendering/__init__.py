"""Rendering: draws a mask on a photo and produces a triplet."""
