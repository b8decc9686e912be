# /// script
# requires-python = ">=3.11"
# dependencies = ["jax==0.10.2", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "JAX"
# kind = "consumer"
# ///
"""JAX arrays of the masks, by way of Pillow and NumPy."""

import jax.numpy as jnp
import numpy as np
from PIL import Image
from reader_tools import decode_files, run

WAYS = [
    decode_files(
        "jnp.asarray(np.asarray(Image.open(path)))",
        lambda path: jnp.asarray(np.asarray(Image.open(path))),
        {"map": "right, uint8 h w", "parts": "right, uint8 h w"},
    ),
]

if __name__ == "__main__":
    run(WAYS, "jax")
