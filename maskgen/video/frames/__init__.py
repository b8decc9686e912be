"""Frames: the photos of a clip, chosen by time and quality, written as a folder."""
