"""Runs the lines of a data-set card as they stand there, and checks what they read against the shards.

    python compat/card_lines.py path/to/data/set/README.md "Ray Data"

It runs in the environment of that reader, which needs NumPy and Pillow, but not unmask. What the card asks for in a
shell (`energon prepare`, `unmask unpack`) must have been done. The README.md of an export of `unmask unpack` is a card
too: it has no headings of readers, so its blocks are named by number, and `--shards DIR` says where the shards are.
"""

import argparse
import io
import re
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = "path/to/this/folder"
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def lines_of(card: str, reader: str) -> str:
    """Returns the Python block under the heading of a reader, or the block of this number."""
    if reader.isdigit():
        return _BLOCK.findall(card)[int(reader)]
    section = card.partition(f"### {reader}\n")[2].partition("\n### ")[0]
    found = _BLOCK.search(section)
    if found is None:
        raise SystemExit(f"the card has no lines for {reader}")
    return found[1]


def run_lines(code: str, folder: Path) -> dict[str, object]:
    """Runs a block of a card with the path of the folder in it, and returns its variables."""
    space: dict[str, object] = {"__name__": "card"}
    exec(compile(code.replace(HERE, folder.as_posix()), "card", "exec"), space)  # noqa: S102
    return space


def check_images(space: dict[str, object], shards: Path, split: str) -> None:
    """Checks that `masked`, `gt` and `map` of a block belong to one sample of a split.

    Raises:
        AssertionError: they do not.
    """
    stored = {
        role: [as_array(data) for data in members(shards, split, role)] for role in ("masked", "gt", "map")
    }
    seen = {role: as_array(space[role]) for role in stored}
    values = set(np.unique(seen["map"]).tolist())
    assert values <= {0, 255} or values <= {0, 1}, f"map: {values}"
    fits = {role: [distance(seen[role], image) for image in images] for role, images in stored.items()}
    sample = int(np.argmin(fits["masked"]))
    found = {role: distances[sample] for role, distances in fits.items()}
    # decoders of JPEG interpolate chroma differently
    assert found["masked"] < 2, found
    assert found["gt"] < 2, found
    assert found["map"] == 0, found


def members(shards: Path, split: str, role: str) -> list[bytes]:
    """Reads a member of all samples of a split from the shards."""
    found = []
    for path in sorted(shards.glob(f"{split}-*.tar")):
        with tarfile.open(path) as tar:
            found += [tar.extractfile(m).read() for m in tar if m.name.split(".")[1] == role]  # type: ignore[union-attr]
    return found


def as_array(value: object) -> np.ndarray:
    """Converts an image as any reader gives it to float64, h w or h w 3: of a batch the first one."""
    if isinstance(value, dict) and "bytes" in value:
        value = value["bytes"]
    if isinstance(value, bytes):
        value = Image.open(io.BytesIO(value))
    if hasattr(value, "as_array"):
        value = value.as_array()
    array = np.asarray(value).astype(np.float64)
    array = array[0] if array.ndim == 4 else array
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def distance(seen: np.ndarray, stored: np.ndarray) -> float:
    """Returns the mean difference of two images in grey levels; infinite if their sizes differ."""
    if seen.shape[:2] != stored.shape[:2]:
        return float("inf")
    if seen.max() <= 1 < stored.max():
        seen = seen * 255
    if seen.ndim > stored.ndim:  # a map with three channels
        stored = stored[..., None]
    return float(np.abs(seen - stored).mean())


def main() -> None:
    """Runs one block of one card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("card", type=Path)
    parser.add_argument("reader")
    parser.add_argument("--shards", type=Path, help="folder of the shards; default: that of the card")
    args = parser.parse_args()
    folder = args.card.resolve().parent
    text = args.card.read_text("utf-8")
    space = run_lines(lines_of(text, args.reader), folder)
    split = re.search(r"^\| (train|val|test) \|", text, re.MULTILINE)
    assert split is not None, "the card names no split"
    if {"masked", "gt", "map"} <= space.keys():
        check_images(space, args.shards or folder, split[1])
        print(f"{args.reader}: right")
    else:
        print(f"{args.reader}: ran; it has no masked, gt and map to check")


if __name__ == "__main__":
    main()
