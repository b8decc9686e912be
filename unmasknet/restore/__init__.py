"""Take masks off: photos, videos and a camera's pictures in, restored ones out.

networks    what the two networks are to everything else, whatever computes them
"""
