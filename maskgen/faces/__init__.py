"""Faces: canonical head, alignment, head pose, eye opening, and a detector of faces that may wear a mask."""
