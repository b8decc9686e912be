"""The networks: U-Nets of chosen parts, patch discriminators, and the network of the perceptual distance.

All take and give RGB in [0, 1], `b 3 h w`, and maps in {0, 1}, `b 1 h w`, 1 = hidden; they rescale inside `forward`.
"""
