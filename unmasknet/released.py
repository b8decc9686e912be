"""Files of weights: their names, and those that ship. Loads no torch, so that a run by ONNX alone can ask as well."""

from collections.abc import Sequence
from pathlib import Path

from maskgen.assets import assets_root
from maskgen.errors import MissingError

RELEASED = "released"  # the name under which `--weights` knows them
WEIGHTS = {"segm": "segmenter.safetensors", "gan": "generator.safetensors"}  # what a run leaves, by its stage
FILES = tuple(f"models/{name}" for name in WEIGHTS.values())


def expanded(weights: Sequence[str]) -> list[Path]:
    """The files and folders that some `--weights` mean, `released` replaced by what ships.

    Raises:
        MissingError: nothing ships with this version.
    """
    return [path for name in weights for path in (_released() if name == RELEASED else [Path(name)])]


def _released() -> list[Path]:
    found = [assets_root() / name for name in FILES]
    if not all(path.is_file() for path in found):
        raise MissingError(
            "--weights released: this version brings no weights. Train some (unmask train segm, then unmask train gan, "
            "see docs/training.md) and name the runs: --weights data/runs/segm --weights data/runs/gan"
        )
    return found
