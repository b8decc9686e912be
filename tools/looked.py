"""Sheets of randomly chosen results for visual inspection, and a table for the verdicts.

    python -m tools.looked --data data/shards/lfw --to data/looked --n 100

Writes `page0.png` and so on (masked, restored, ground truth, with numbers) and `verdicts.csv`: number, key, family,
wear, psnr, and two empty columns. `verdict` is `yes` if a person would take the face for a photo at a glance, otherwise
`no`; `note` names the fault. `tools/model_card.py --verdicts` counts them. Photos of LFW and UTKFace may not be
redistributed, so sheets of them are not in the repository; the same command draws them again.
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

PAGE = 20  # results per sheet
SIDE, WIDTH = 192, 2444  # pixels; side of an image, width of a sheet with four results per row
COLUMNS = ("number", "key", "family", "wear", "psnr", "verdict", "note")
TABLE = "verdicts.csv"


def by_lot(data: DataSet, split: str, n: int, seed: int, restorer: Restorer) -> list[Face]:
    """Restores randomly chosen samples; returns them in the order of the draw."""
    split, keys = choose(data, split, n, seed)
    faces = {face.case.key: face for face in restored_faces(data, split, keys, restorer)}
    return [faces[key] for key in keys]


def write(faces: Sequence[Face], out: Path, title: str) -> None:
    """Writes the sheets and the table.

    Raises:
        UsageError: there is a table of verdicts already.
    """
    if (out / TABLE).exists():
        raise UsageError(
            f"{out / TABLE}: already exists and may hold verdicts; move it, or give another --to"
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
    """Draws the sheets, writes them with the table, and prints the folder."""
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
        write(faces, options.to, f"{len(faces)} random results, seed {options.seed}")
    except UnmaskError as error:
        sys.exit(f"{error}")
    print(f"{len(faces)} results: {options.to}")


if __name__ == "__main__":
    main()
