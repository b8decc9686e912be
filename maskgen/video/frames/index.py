"""Index of a folder of photos from videos: `frames.csv` for programs, `sheet.png` for people."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from maskgen.csv_text import csv_bytes
from maskgen.errors import InputError, Skip
from maskgen.files import write_atomic
from maskgen.images.codecs import decode, encode_lossless
from maskgen.images.contact_sheet import Block, Tile, draw_sheet
from maskgen.reading import JSON_BYTES, parse_json, read_regular_file, reason_of
from maskgen.settings import MAX_PHOTO_PIXELS

COLUMNS = ("file", "time", "index", "photo", "identity", "sharpness", "faces", "boxes", "persons", "yaw", "pitch",
           "roll", "eyes", "kept", "why")  # fmt: skip
TABLE, SHEET = "frames.csv", "sheet.png"
SHOWN = 96  # photos on the sheet at most


def write_catalogue(out: Path) -> str:
    """Writes both files for all finished clips, including those of earlier runs; returns the sheet's path."""
    rows = list(_all_rows(out))
    sheet = out / SHEET
    write_atomic(out / TABLE, csv_bytes(COLUMNS, ([row[name] for name in COLUMNS] for row in rows)))
    write_atomic(sheet, _draw_kept(out, rows))
    return str(sheet)


def _all_rows(out: Path) -> Iterator[dict[str, str]]:
    """Reads the rows of every clip in the target folder, including those of earlier runs."""
    for file in sorted(out.glob("*/clip.json")):
        try:
            record = parse_json(read_regular_file(file, JSON_BYTES))
            rows = [
                _columns(row, record["report"]["file"], file.parent.name, record["settings"]["size"])
                for row in record["rows"]
            ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"{file}: is not what this program writes ({reason_of(error)}); delete {file.parent} and give the same "
                "command again"
            ) from error
        yield from rows


def _columns(row: dict[str, Any], file: str, clip: str, size: int) -> dict[str, str]:
    own = row["person"] if size else -1
    return {
        "file": file,
        "time": f"{row['time']:.6f}",
        "index": str(row["index"]),
        "photo": f"{clip}/{row['photo']}" if row["photo"] else "",
        "identity": f"{clip}/p{own}" if own >= 0 else clip,
        "sharpness": f"{row['sharpness']:.4f}",
        "faces": str(len(row["boxes"])),
        "boxes": ";".join(" ".join(f"{edge:.1f}" for edge in box) for box in row["boxes"]),
        "persons": ";".join(f"p{person}" for person in row["who"]),
        **{name: f"{row['pose'][name]:.1f}" if row["boxes"] else "" for name in ("yaw", "pitch", "roll")},
        "eyes": f"{row['eyes']:.3f}" if row["boxes"] else "",
        "kept": "1" if row["photo"] else "0",
        "why": row["why"],
    }


def _draw_kept(out: Path, rows: list[dict[str, str]]) -> bytes:
    """Draws the contact sheet of the kept photos, evenly chosen, as a PNG."""
    kept = [row for row in rows if row["photo"]]
    shown = kept[:: max(1, -(-len(kept) // SHOWN))]
    blocks: dict[str, list[Tile]] = {}
    for row in shown:
        pixels = decode((out / row["photo"]).read_bytes(), max_pixels=MAX_PHOTO_PIXELS, background=255)
        if isinstance(pixels, Skip):
            continue
        pose = f"yaw {float(row['yaw']):.0f}, pitch {float(row['pitch']):.0f}" if row["yaw"] else "no face"
        lines = (
            f"{float(row['time']):.2f} s",
            f"{row['persons'].split(';')[0]} {pose}",
            f"sharp {row['sharpness']}",
        )
        blocks.setdefault(row["file"], []).append(Tile((pixels,), lines))
    counts = f"{len(kept):,} photos kept of {len(rows):,} looked at"
    sheet = draw_sheet(
        "Faces from video", counts, [Block(name, tuple(tiles)) for name, tiles in blocks.items()]
    )
    return encode_lossless(sheet, "png")
