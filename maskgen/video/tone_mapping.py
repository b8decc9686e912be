"""Conversion of HDR, linear light and wide gamuts to SDR with the primaries of BT.709.

swscale converts them as well, but slowly, without tone mapping, and with colours in 8 bits that are ten levels off.
Formulas: PQ and HLG of ITU-R BT.2100, the display curve of BT.1886, and tone mapping by equation 4 of Reinhard et al.,
"Photographic tone reproduction" (2002).
"""

from functools import cache

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt16
from numpy import ndarray

from maskgen.types import RGBImage
from maskgen.video.colours import BT709, BT2020, HDR, HLG, LINEAR, PQ, Colours

PEAK = 1000.0  # nits; brighter lights become white. The peak of HLG, and that of most displays on which PQ is mastered
WHITE = 203.0  # nits of diffuse white in HDR (ITU-R BT.2408)
GAMMA = 2.4  # of the display of SDR (ITU-R BT.1886)
LUMA_709, LUMA_2020 = (0.2126, 0.7152, 0.0722), (0.2627, 0.678, 0.0593)
D65, DCI, ILLUMINANT_C = (0.3127, 0.329), (0.314, 0.351), (0.31, 0.316)
# x, y of red, green and blue, and of white (ITU-T H.273, table 2).
CHROMATICITIES = {
    BT709: ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), ILLUMINANT_C),
    BT2020: ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), D65),
    11: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), DCI),
    12: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), D65),
}

Light = Float32[ndarray, "h w 3"]


def to_sdr(codes: UInt16[ndarray, "h w 3"], colours: Colours) -> RGBImage:
    """Converts an image.

    Args:
        codes: R, G, B by the transfer and primaries of `colours`, 0-65535.
        colours: tags, with known primaries.

    Returns:
        The image as a display of BT.1886 with the primaries of BT.709 shows it; colours outside its gamut are clipped.
    """
    light = _curve(colours.transfer)[codes]
    if colours.transfer == HLG:
        light *= _luma(light, LUMA_2020) ** np.float32(0.2)
    primaries = colours.primaries if colours.primaries in CHROMATICITIES else BT709
    light = cv2.transform(light, _to_709(primaries))
    if colours.transfer in HDR:
        level = np.maximum(_luma(light, LUMA_709) * np.float32(PEAK / WHITE), 1e-6)
        light *= _mapped(level) / level * np.float32(PEAK / WHITE)
    shown = np.clip(light, 0, 1) ** np.float32(1 / GAMMA)
    return (shown * 255 + np.float32(0.5)).astype(np.uint8)


def _mapped(level: Float32[ndarray, "h w 1"]) -> Float32[ndarray, "h w 1"]:
    """Compresses luminance, 1 = diffuse white of HDR, such that `PEAK` becomes 1."""
    return level * (1 + level * np.float32((WHITE / PEAK) ** 2)) / (1 + level)


def _luma(light: Light, weights: tuple[float, float, float]) -> Float32[ndarray, "h w 1"]:
    return np.maximum(light @ np.array(weights, np.float32), 0)[..., None]


@cache
def _curve(transfer: int) -> Float32[ndarray, "65536"]:
    """Returns the light of each code, 1 = `PEAK` nits for HDR, else white."""
    signal = np.arange(65536) / 65535
    if transfer == PQ:
        root = signal ** (1 / 78.84375)
        nits = 10_000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (
            1 / 0.1593017578125
        )
        light = np.minimum(nits / PEAK, 1)
    elif transfer == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    else:
        light = signal if transfer == LINEAR else signal**GAMMA
    return light.astype(np.float32)


@cache
def _to_709(primaries: int) -> Float64[ndarray, "3 3"]:
    """Returns the matrix to the primaries of BT.709, for light; white stays white."""
    matrix = np.linalg.inv(_to_xyz(BT709)) @ _to_xyz(primaries)
    return matrix / matrix.sum(1, keepdims=True)


def _to_xyz(primaries: int) -> Float64[ndarray, "3 3"]:
    *colours, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in CHROMATICITIES[primaries])
    matrix = np.stack(colours, axis=1)
    return matrix * np.linalg.solve(matrix, white)
