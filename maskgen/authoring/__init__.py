"""Tools for authors of templates: templates from photos of masks, and proof sheets."""
