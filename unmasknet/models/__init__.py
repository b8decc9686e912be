"""Networks: U-Nets with configurable parts, patch discriminators, and the network of the perceptual distance.

Inputs and outputs are RGB in [0, 1], `b 3 h w`, and maps in {0, 1}, `b 1 h w`, 1 = hidden; `forward` rescales them.
"""
