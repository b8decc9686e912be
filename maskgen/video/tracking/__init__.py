"""Tracking: faces over time, smoothed crops and meshes."""
