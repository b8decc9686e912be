"""Draws results chosen by rank of hole PSNR: worst, 25 %, median, 75 %, best.

    python -m tools.ranked                                           # docs/images/ranked.jpg, of the built-in photo
    python -m tools.ranked --data data/shards/lfw --scores data/eval/lfw.csv --to data/ranked.png

Without `--data`, a data set of the variants of the built-in photo is made, with all masks and ways to wear them,
because photos of LFW and UTKFace may not be redistributed. `--scores` is the file that `unmask eval --scores` wrote;
without it all samples of the split are scored.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch

from maskgen.dataset.reader import DataSet, open_data_set
from maskgen.demo.run import write_photos
from maskgen.errors import InputError, UnmaskError
from maskgen.files import make_folder, write_atomic
from maskgen.generation.pipeline import generate
from maskgen.images.codecs import encode_jpeg, encode_lossless
from maskgen.images.contact_sheet import AnyPicture, Block, Tile, draw_sheet
from maskgen.settings import FaceSettings, GenSettings, MaskSettings, RunSettings, SourceSettings
from tools.faces import Face, restored_faces
from unmasknet.evaluation.samples import choose
from unmasknet.evaluation.score_csv import read_scores
from unmasknet.models.released import RELEASED
from unmasknet.models.two_stage import Restorer, load_restorer

SHIPPED = Path(__file__).parent.parent / "docs/images/ranked.jpg"
RANKS = {"worst": 0.0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "best": 1.0}
SIDE, WIDTH = 176, 782  # pixels; side of an image, width of a sheet with one tile of four images per row
PER_FACE = 8


def at_ranks(scores: Mapping[str, float]) -> dict[str, str]:
    """Selects samples by the rank of their score.

    Returns:
        The key of the sample at each rank; keys repeat if there are fewer samples than ranks.

    Raises:
        InputError: there is no sample.
    """
    order = sorted(scores, key=lambda key: (scores[key], key))
    if not order:
        raise InputError("there is no sample with a score to rank; restore some with unmask eval --scores")
    return {name: order[round(rank * (len(order) - 1))] for name, rank in RANKS.items()}


def built_in(folder: Path) -> DataSet:
    """Makes a data set of all variants of the built-in photo."""
    write_photos(folder / "photos")
    generate(
        GenSettings(
            source=SourceSettings(src=str(folder / "photos"), val=0, test=0),
            faces=FaceSettings(cache="off"),
            masks=MaskSettings(per_face=PER_FACE),
            run=RunSettings(out=str(folder / "shards"), jobs=1),
        )
    )
    return open_data_set(folder / "shards")


def scored(
    data: DataSet, split: str, restorer: Restorer, scores: Path | None
) -> tuple[str, dict[str, float]]:
    """Returns the split, and the hole PSNR of its samples by key."""
    split, keys = choose(data, split, None, 0)
    if scores is None:
        faces = restored_faces(data, split, keys, restorer)
        # A face without a mask has no hole and no score.
        return split, {face.case.key: face.psnr for face in faces if math.isfinite(face.psnr)}
    known = {row["key"]: float(row["psnr"]) for row in read_scores(scores) if row["psnr"]}
    return split, {key: known[key] for key in keys if key in known}


def draw(faces: Mapping[str, Face], of: int, name: str) -> AnyPicture:
    """Draws a row for each rank: masked image, predicted map, restored image, ground truth."""
    tiles = [
        Tile(face.pictures, (f"{rank}: {face.psnr:.1f} dB", f"{face.case.family}, {face.case.wear}"))
        for rank, face in faces.items()
    ]
    return draw_sheet(
        "Chosen by rank",
        f"of {of:,} {name} by hole PSNR: masked, predicted map, restored (invented), ground truth",
        [Block("", tuple(tiles), SIDE)],
        width=WIDTH,
    )


def ranked(data: DataSet, split: str, restorer: Restorer, scores: Path | None, name: str) -> AnyPicture:
    """Draws the ranks of a data set."""
    split, known = scored(data, split, restorer, scores)
    ranks = at_ranks(known)
    faces = {face.case.key: face for face in restored_faces(data, split, list(set(ranks.values())), restorer)}
    return draw({rank: faces[key] for rank, key in ranks.items()}, len(known), name)


def main() -> None:
    """Draws the image, writes it, and prints its path."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="data set [made from the built-in photo]")
    parser.add_argument("--split", default="auto", help="split of --data [test]")
    parser.add_argument("--scores", type=Path, help="file written by unmask eval --scores")
    parser.add_argument("--weights", action="append", help="runs; repeatable [released]")
    parser.add_argument("--to", type=Path, default=SHIPPED, help="PNG or JPEG")
    options = parser.parse_args()
    try:
        restorer = load_restorer(options.weights or [RELEASED], torch.device("cpu"))
        if options.data:
            data = open_data_set(options.data)
            sheet = ranked(data, options.split, restorer, options.scores, f"samples of {data.name}")
        else:
            with tempfile.TemporaryDirectory(prefix="unmask-ranked-") as folder:
                name = "masks on one photo in its looks"
                sheet = ranked(built_in(Path(folder)), "train", restorer, None, name)
        lossless = options.to.suffix == ".png"
        make_folder(options.to.parent)
        write_atomic(options.to, encode_lossless(sheet, "png") if lossless else encode_jpeg(sheet, 88))
    except UnmaskError as error:
        sys.exit(f"{error}")
    print(options.to)


if __name__ == "__main__":
    main()
