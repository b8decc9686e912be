"""Tools for template authors: a template from a photo of a mask, and proof sheets."""
