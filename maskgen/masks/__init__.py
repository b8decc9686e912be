"""Masks: templates, the library, textures and patterns, the SPEC grammar, and the shell (3-D surface) of a mask."""
