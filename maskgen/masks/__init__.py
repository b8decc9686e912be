"""Masks: templates, the library, textures and patterns, the SPEC grammar, and the shell of a mask."""
