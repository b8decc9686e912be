"""Extraction of photos from videos: frames chosen by time and quality, written to a folder."""
