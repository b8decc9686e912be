"""Measures how far the estimated skin tone (ITA) tells something about the person and not about the photo.

    python -m benchmarks.skin_tone DATA                     # repeatability: needs identities, such as LFW's
    python -m benchmarks.skin_tone DATA --by utkface        # medians by group, and how far groups overlap
    python -m benchmarks.skin_tone DATA --sheet tones.png   # faces by tone, with the measured skin marked

DATA is a data set of `unmask gen-data`. Repeatability is given for people with at least three measured photos: the
intraclass correlation ICC(1) of one photo (Shrout and Fleiss 1979; 1: the photo does not matter, 0: only the photo
matters), the standard deviation between photos of one person, and how often two of them fall into one class. `gain`
says how the photo's colours were changed before: not at all, or by making the mean colour beside the face grey, which
is a usual correction of the white balance.
"""

import argparse
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maskgen.dataset.attributes import read_attributes
from maskgen.dataset.reader import Encoded, open_data_set
from maskgen.dataset.shards import decode_image
from maskgen.dataset.skin_tone import measure_tone, skin_regions, tone_class
from maskgen.types import RGBImage

LEAST_PHOTOS = 3  # of a person
GAMMA = 2.2
Gain = Callable[[RGBImage, Float[ndarray, "n 2"]], RGBImage]


def unchanged(image: RGBImage, _: Float[ndarray, "n 2"]) -> RGBImage:
    """Returns the image itself."""
    return image


def grey_world(strength: float, *, exposure: bool = False) -> Gain:
    """Returns a gain that moves the mean colour beside the face towards grey, or towards an 18 % grey."""

    def gain(image: RGBImage, points: Float[ndarray, "n 2"]) -> RGBImage:
        beside = np.ones(image.shape[:2], bool)
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        beside[max(int(y0 - 0.3 * (y1 - y0)), 0) : int(y1) + 1, max(int(x0), 0) : int(x1) + 1] = False
        brightest = image.max(-1)
        beside &= (brightest < 250) & (brightest > 10)
        if np.count_nonzero(beside) < 100:
            return image
        linear = (image / 255) ** GAMMA
        mean = linear[beside].mean(0)
        factors = np.clip((0.18 if exposure else mean.mean()) / mean, 0.5, 2) ** strength
        return (np.clip(linear * factors, 0, 1) ** (1 / GAMMA) * 255).astype(np.uint8)

    return gain


GAINS: dict[str, Gain] = {
    "none": unchanged,
    "grey world": grey_world(1.0),
    "half of it": grey_world(0.5),
    "18 % grey": grey_world(1.0, exposure=True),
}


def angle(sample: Encoded, gain: Gain) -> float:
    """Measures the ITA of a sample in degrees; NaN if it has none."""
    face = sample.labels["faces"][0]
    points = np.array(face["landmarks"], np.float32)
    tone = measure_tone(gain(decode_image(sample.members, "gt"), points), points, face["scheme"])
    return np.nan if tone is None else tone.ita


def repeatability(people: Sequence[str], angles: Float[ndarray, " n"]) -> str:
    """Formats the repeatability over the people with enough measured photos."""
    groups: dict[str, list[float]] = {}
    for person, value in zip(people, angles.tolist(), strict=True):
        if np.isfinite(value):
            groups.setdefault(person, []).append(value)
    chosen = [np.array(values) for values in groups.values() if len(values) >= LEAST_PHOTOS]
    if len(chosen) < 2:
        return "too few people with several photos"
    every = np.concatenate(chosen)
    sizes = np.array([len(values) for values in chosen])
    between = sum(len(v) * (v.mean() - every.mean()) ** 2 for v in chosen) / (len(chosen) - 1)
    within = sum(((v - v.mean()) ** 2).sum() for v in chosen) / (len(every) - len(chosen))
    size = (len(every) - (sizes**2).sum() / len(every)) / (len(chosen) - 1)
    icc = (between - within) / (between + (size - 1) * within)
    pairs = [
        (tone_class(a) == tone_class(b), abs(a - b)) for v in chosen for a, b in combinations(v.tolist(), 2)
    ]
    same, apart = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    return (
        f"{len(chosen):,} people, {len(every):,} photos: ICC {icc:.2f}, within a person {np.sqrt(within):.1f} degrees, "
        f"over all {every.std():.1f}; two photos of a person: {same.mean():.0%} in one class, median "
        f"{np.median(apart):.0f} degrees apart"
    )


def print_groups(attributes: Sequence[dict[str, str]], angles: Float[ndarray, " n"]) -> None:
    """Prints quartiles by group, and for each pair of groups how often a photo of one is lighter."""
    for name in sorted({name for one in attributes for name in one}):
        member = np.array([one.get(name, "") for one in attributes])
        groups = {str(g): angles[(member == g) & np.isfinite(angles)] for g in sorted(set(member) - {""})}
        for group, values in groups.items():
            low, middle, high = np.percentile(values, (25, 50, 75))
            tried = np.count_nonzero(member == group)
            print(
                f"  {name} {group}: {len(values):,} of {tried:,}, median {middle:.0f} [{low:.0f}, {high:.0f}]"
            )
        for one, other in combinations(groups, 2):
            lighter = (groups[one][:, None] > groups[other][None]).mean()
            print(f"  {one} lighter than {other}: {lighter:.2f} of pairs")


def draw_sheet(samples: Sequence[Encoded], angles: Float[ndarray, " n"], path: Path, count: int = 96) -> None:
    """Draws faces evenly spaced by ITA, each above a copy with the measured skin in green."""
    order = [int(at) for at in np.argsort(angles) if np.isfinite(angles[at])]
    tiles = []
    for at in np.unique(np.linspace(0, len(order) - 1, count).astype(int)):
        face = samples[order[at]].labels["faces"][0]
        image = decode_image(samples[order[at]].members, "gt").copy()
        marked = image.copy()
        for region in skin_regions(image, face["landmarks"], face["scheme"]).values():
            marked[region] = 0, 255, 0
        tile = cv2.resize(np.vstack([image, marked]), (112, 224), interpolation=cv2.INTER_AREA)
        cv2.putText(tile, f"{angles[order[at]]:.0f}", (3, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 0, 0), 1)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 16)
    sheet = np.vstack([np.hstack(tiles[row : row + 16]) for row in range(0, len(tiles), 16)])
    cv2.imwrite(str(path), sheet[..., ::-1])
    print(path)


def main() -> None:
    """Measures all samples of a data set and prints the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of a data set")
    parser.add_argument("--by", action="append", default=[], help="utkface, or a CSV file: groups to compare")
    parser.add_argument("--sheet", type=Path, help="image to draw")
    parser.add_argument("--n", type=int, default=None, help="samples to measure [all]")
    options = parser.parse_args()
    samples = [sample for sample in open_data_set(options.data).samples() if sample.labels["faces"]][
        : options.n
    ]
    people = [str(sample.labels["identity"] or sample.labels["source"]) for sample in samples]
    of_photo = read_attributes(options.by)
    attributes = [dict(of_photo(str(sample.labels["source"]))) for sample in samples]
    for name, gain in GAINS.items():
        angles = np.array([angle(sample, gain) for sample in samples])
        print(f"gain {name}: {np.isfinite(angles).sum():,} of {len(samples):,} measured")
        print(f"  {repeatability(people, angles)}")
        print_groups(attributes, angles)
        if name == "none" and options.sheet:
            draw_sheet(samples, angles, options.sheet)


if __name__ == "__main__":
    main()
