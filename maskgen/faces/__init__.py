"""Faces: the canonical head, alignment, head pose, eye opening, and a finder of faces that may be masked."""
