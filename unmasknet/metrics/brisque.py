"""BRISQUE (Mittal et al. 2012): naturalness of an image without a ground truth; 0 is best, about 100 worst.

The statistics are computed here, several times faster than by the package `brisque`, which fails with current NumPy.
The trained regression is the one of that package.
"""

from dataclasses import dataclass
from functools import cache
from math import gamma, lgamma

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.assets import model_file
from maskgen.types import RGBImage

# RGB weights of scikit-image, with which the package computes the grey image
GREY = np.array([0.2125, 0.7154, 0.0721])
SIDE, SIGMA = 7, 7 / 6  # pixels; window over which luma is normalised
NOISE = 1 / 255  # keeps flat regions finite
# (down, right) offsets of the neighbours that each value is multiplied with
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))

Plane = Float[ndarray, "_ _"]


@dataclass(frozen=True)
class Regression:
    """Support vector regression with a Gaussian kernel over 36 features scaled to [-1, 1]."""

    low: Float[ndarray, " 36"]
    high: Float[ndarray, " 36"]
    weights: Float[ndarray, " v"]
    vectors: Float[ndarray, "v 36"]
    gamma: float
    rho: float

    def __call__(self, features: Float[ndarray, " 36"]) -> float:
        """Computes the score from the features of an image."""
        scaled = -1 + 2 * (features - self.low) / (self.high - self.low)
        distances = ((self.vectors - scaled) ** 2).sum(1)
        return float(self.weights @ np.exp(-self.gamma * distances) - self.rho)


def brisque(image: RGBImage) -> float:
    """Computes the score of one image, at least 16 pixels high and wide.

    Raises:
        MissingError: the regression's file is missing.
        InputError: the file differs from the one that was shipped.
    """
    return load_regression()(features(image))


def features(image: RGBImage) -> Float[ndarray, " 36"]:
    """Computes 18 features at full size and 18 at half size."""
    grey = (image / 255.0) @ GREY
    half = cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC)
    return np.concatenate([_at_scale(grey), _at_scale(half)])


def _at_scale(grey: Plane) -> Float[ndarray, " 18"]:
    flat = normalised(grey)
    shape, _, left, right = aggd(flat)
    numbers = [shape, (left + right) / 2]
    for shift in SHIFTS:
        numbers += aggd(_products(flat, shift))
    return np.array(numbers)


def normalised(grey: Plane) -> Plane:
    """Subtracts the local mean and divides by the local standard deviation; pads with black."""
    steps = np.arange(SIDE) - SIDE // 2
    row = np.exp(-(steps**2) / (2 * SIGMA**2))
    row /= row.sum()

    def blurred(plane: Plane) -> Plane:
        return cv2.sepFilter2D(plane, cv2.CV_64F, row, row, borderType=cv2.BORDER_CONSTANT)

    local = blurred(grey)
    return (grey - local) / (np.sqrt(np.abs(local**2 - blurred(grey**2))) + NOISE)


def _products(flat: Plane, shift: tuple[int, int]) -> Plane:
    """Multiplies each value by its neighbour's, where both lie in the image."""
    down, right = shift
    height, width = flat.shape
    if right < 0:
        return flat[down:, : width + right] * flat[: height - down, -right:]
    return flat[: height - down, : width - right] * flat[down:, right:]


def aggd(values: Plane) -> list[float]:
    """Fits an asymmetric generalised Gaussian by moments: shape, mean, left and right variance."""
    left_values, right_values = values[values < 0], values[values >= 0]
    left = float(np.mean(left_values**2)) if left_values.size else 0.0
    right = float(np.mean(right_values**2)) if right_values.size else 0.0
    ratio = np.sqrt(left / right) if right else 1.0
    spread = float(np.mean(values**2))
    peak = float(np.abs(values).mean()) ** 2 / spread if spread else 1.0
    wanted = peak * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, ratios = _shapes()
    shape = float(np.interp(wanted, ratios, shapes))
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    mean = (np.sqrt(right) - np.sqrt(left)) * scale * gamma(2 / shape) / gamma(1 / shape)
    return [shape, float(mean), left, right]


@cache
def _shapes() -> tuple[Float[ndarray, " s"], Float[ndarray, " s"]]:
    """Tabulates shapes and their ratio E|x|^2 / E[x^2]; both increase."""
    shapes = np.arange(0.1, 10, 0.001)
    ratios = np.array([np.exp(2 * lgamma(2 / a) - lgamma(1 / a) - lgamma(3 / a)) for a in shapes])
    return shapes, ratios


@cache
def load_regression() -> Regression:
    """Loads the trained regression that ships with the program.

    Raises:
        MissingError: the file is missing.
        InputError: the file differs from the one that was shipped.
    """
    with np.load(model_file("brisque").path, allow_pickle=False) as file:
        return Regression(
            file["low"],
            file["high"],
            file["weights"],
            file["vectors"].astype(np.float64),
            float(file["gamma"]),
            float(file["rho"]),
        )
