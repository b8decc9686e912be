"""Draws random outputs of all families and yaw bins for inspection one by one.

    python -m benchmarks.masks.looked --src DIR --out DIR [--n 200] [--seed 0]

Writes sheets of 40 numbered images, and `list.csv`: number, photo, family, texture, colour, wear, yaw. Photos are taken
in a seeded order; each bin of absolute yaw takes faces until it has its fraction, and families are dealt evenly.
"""

import argparse
import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.masks.faces import stages
from maskgen.errors import Skip
from maskgen.files import write_atomic
from maskgen.images.codecs import encode_lossless
from maskgen.images.contact_sheet import Block, Tile, draw_sheet
from maskgen.masks.library import built_in
from maskgen.masks.selection import open_wardrobe
from maskgen.rendering.stage import Stage
from maskgen.rendering.triplet import Tools, build_tools, wear_mask
from maskgen.seeds import hash64
from maskgen.settings import GenSettings, MaskSettings, SourceSettings
from maskgen.sources import build_source
from maskgen.types import Triplet

BINS = {(0, 10): 0.30, (10, 20): 0.25, (20, 30): 0.20, (30, 45): 0.15, (45, 90): 0.10}  # degrees: fraction
WEAR = "correct:.8,nose:.08,chin:.05,below-mouth:.07"
PAGE, SIDE = 40, 224  # images per sheet; side of an image in pixels
COLUMNS = ("number", "photo", "family", "texture", "colour", "wear", "yaw")
Row = tuple[str, Stage, Triplet]


def deal_families(n: int, rng: np.random.Generator) -> list[str]:
    """Returns n families in random order, all equally often, except the flat blocks: a quarter as often."""
    library = built_in()
    shares = {name: 0.25 if library.template(name).look.flat else 1.0 for name in library.families}
    rounds = n / sum(shares.values())
    families = [name for name, share in shares.items() for _ in range(max(1, round(share * rounds)))]
    while len(families) < n:
        families.append("surgical")
    return [str(name) for name in rng.permutation(families)[:n]]


def wear_all(src: str, n: int, seed: int, texture: str = "") -> list[Row]:
    """Puts a mask on each of n photos and returns their names, faces and triplets.

    Args:
        src: source, as for `gen-data`.
        n: number of photos; the result has fewer if the source lacks faces of a bin.
        seed: seed of the choice of photos, families and masks.
        texture: texture of all masks; "" draws one of the family's.
    """
    rng = np.random.default_rng(seed)
    settings = GenSettings(source=SourceSettings(src=src), seed=seed)
    tools, source = build_tools(settings), build_source(settings.source)
    families = deal_families(n, rng)
    open_places = {span: round(share * n) for span, share in BINS.items()}
    rows: list[Row] = []
    for _, photo, stage in stages(source, tools, rng):
        place = next(span for span in BINS if abs(stage.pose.yaw) < span[1] or span[1] == 90)
        if not open_places[place]:
            continue
        worn = f"{families[len(rows)]}-{texture}" if texture else families[len(rows)]
        triplet = wear_mask(stage, _only(tools, worn), hash64(seed, photo.id) >> 1)
        if isinstance(triplet, Skip):
            continue
        open_places[place] -= 1
        rows.append((photo.id, stage, triplet))
        if len(rows) == n or not any(open_places.values()):
            break
    return rows


def _only(tools: Tools, worn: str) -> Tools:
    return replace(tools, wardrobe=open_wardrobe(MaskSettings(masks=worn, wear=WEAR)))


def write(rows: list[Row], out: Path, title: str) -> None:
    """Writes the sheets and the list."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "list.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for number, (photo, stage, triplet) in enumerate(rows):
            mask = triplet.faces[0].mask
            table.writerow(
                [number, photo, mask.family, mask.texture, mask.colour, mask.wear, round(stage.pose.yaw)]
            )
    for page in range(0, len(rows), PAGE):
        tiles = [
            Tile((triplet.masked,), (f"{page + k}  {triplet.faces[0].mask.family} {triplet.faces[0].mask.wear}",
                                     f"{triplet.faces[0].mask.texture}, yaw {stage.pose.yaw:.0f}"))
            for k, (_, stage, triplet) in enumerate(rows[page : page + PAGE])
        ]  # fmt: skip
        sheet = draw_sheet(
            title, f"{page} to {page + len(tiles) - 1}", [Block("", tuple(tiles), SIDE)], width=1970
        )
        write_atomic(out / f"page{page // PAGE}.png", encode_lossless(sheet, "png"))


def main() -> None:
    """Draws the outputs and writes the sheets and the list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--src", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = wear_all(options.src, options.n, options.seed)
    write(rows, options.out, f"{len(rows)} outputs, seed {options.seed}")
    print(f"{len(rows)} outputs: {options.out}")


if __name__ == "__main__":
    main()
