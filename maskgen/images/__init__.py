"""Images: decoding and encoding, resampling, contact sheets."""
