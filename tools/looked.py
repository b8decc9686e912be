"""Results to be looked at one by one: a choice by lot, numbered sheets, and a table for verdicts.

    python -m tools.looked --data data/shards/lfw --to data/looked --n 100

Writes `page0.png` and so on (masked, restored, as it was, under their numbers) and `verdicts.csv`: number, key, family,
wear, psnr, and two empty columns. `verdict` is `yes` where a person would take the face for a photo at a glance, else
`no`; `note` says what is wrong. `tools/model_card.py --verdicts` counts them. Photos of LFW and UTKFace are not
ours to pass on, so sheets of them stay out of the repository; the same command draws them again.
"""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from maskgen.dataset.reader import DataSet, open_data_set
from maskgen.errors import UnmaskError, UsageError
from maskgen.files import make_folder, write_atomic
from maskgen.images.codecs import encode_lossless
from maskgen.images.contact_sheet import Block, Tile, draw_sheet
from tools.faces import Face, restored_faces
from unmasknet.evaluation.samples import choose
from unmasknet.models.released import RELEASED
from unmasknet.models.two_stage import Restorer, load_restorer

PAGE, SIDE, WIDTH = (
    20,
    192,
    2444,
)  # results of a sheet; pixels of a picture, and of a sheet with four results in a row
COLUMNS = ("number", "key", "family", "wear", "psnr", "verdict", "note")
TABLE = "verdicts.csv"


def by_lot(data: DataSet, split: str, n: int, seed: int, restorer: Restorer) -> list[Face]:
    """Results in the order in which they were drawn."""
    split, keys = choose(data, split, n, seed)
    faces = {face.case.key: face for face in restored_faces(data, split, keys, restorer)}
    return [faces[key] for key in keys]


def write(faces: Sequence[Face], out: Path, title: str) -> None:
    """The sheets and the table.

    Raises:
        UsageError: verdicts lie there already.
    """
    if (out / TABLE).exists():
        raise UsageError(
            f"{out / TABLE}: is there already, with verdicts maybe; move it, or name another --to"
        )
    make_folder(out)
    for first in range(0, len(faces), PAGE):
        part = faces[first : first + PAGE]
        tiles = tuple(
            Tile(
                (face.case.masked, face.restored, face.case.truth),
                (f"{number}  {face.case.family}, {face.case.wear}", f"{face.psnr:.1f} dB"),
            )
            for number, face in enumerate(part, first)
        )
        sheet = draw_sheet(
            title, f"{first} to {first + len(part) - 1}", [Block("", tiles, SIDE)], width=WIDTH
        )
        write_atomic(out / f"page{first // PAGE}.png", encode_lossless(sheet, "png"))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(
        (number, face.case.key, face.case.family, face.case.wear, f"{face.psnr:.2f}", "", "")
        for number, face in enumerate(faces)
    )
    write_atomic(out / TABLE, text.getvalue().encode("utf-8"))


def main() -> None:
    """Choose, draw, write, say where."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="auto", help="[test]")
    parser.add_argument("--weights", action="append", help="runs; repeatable [released]")
    parser.add_argument("--to", type=Path, required=True, help="folder")
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        restorer = load_restorer(options.weights or [RELEASED], torch.device("cpu"))
        faces = by_lot(open_data_set(options.data), options.split, options.n, options.seed, restorer)
        write(faces, options.to, f"{len(faces)} results by lot, seed {options.seed}")
    except UnmaskError as error:
        sys.exit(f"{error}")
    print(f"{len(faces)} results: {options.to}")


if __name__ == "__main__":
    main()
