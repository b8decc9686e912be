"""Tracking of faces over time, with smoothed crops and meshes."""
