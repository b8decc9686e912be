"""Random generators derived from (seed, key), independent of workers, order and time."""

import hashlib

import numpy as np


def hash64(*parts: object) -> int:
    """Hashes the texts of the parts to 64 bits; the result is the same on every machine and in every process."""
    text = "\x1f".join(str(part) for part in parts).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def sample_seed(seed: int, key: str) -> int:
    """Derives the seed of one sample, below 2**31: JavaScript, jq and JAX do not read larger integers exactly."""
    return hash64(seed, key) >> 33


def rng_for(seed: int, key: str) -> np.random.Generator:
    """Returns the random generator of one sample, derived from (seed, key)."""
    return np.random.default_rng(hash64(seed, key))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """Returns the same value as `rng.uniform(low, high)`, in half the time."""
    return low + (high - low) * rng.random()
