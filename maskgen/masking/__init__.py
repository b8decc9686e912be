"""Masking of whole photos into plain files under their own names: `unmask mask`."""
