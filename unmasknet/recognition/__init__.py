"""Verification of masked and restored faces by a face recognition network: `unmask eval recognition`."""
