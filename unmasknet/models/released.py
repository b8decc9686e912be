"""Files of weights: their names, and those that ship. Loads no torch, so that a run without it can ask as well."""

from collections.abc import Sequence
from pathlib import Path

from maskgen.assets import has_model, model_file
from maskgen.errors import MissingError, UsageError

RELEASED = "released"  # the name under which `--weights` knows them
WEIGHTS = {"segm": "segmenter.safetensors", "gan": "generator.safetensors"}  # what a run leaves, by its stage
EXPORTED = "unmask.onnx"  # both networks in one file
NAMES = ("segmenter", "generator", "unmask")  # of the three files in `assets/models/models.toml`


def expanded(weights: Sequence[str]) -> list[Path]:
    """Expands `--weights` to files and folders: `released` becomes the shipped files.

    Raises:
        MissingError: nothing ships with this version. InputError: a file that ships is damaged.
    """
    return [path for name in weights for path in (_released() if name == RELEASED else [Path(name)])]


def exported_file(weights: Sequence[str], runtime: str) -> Path:
    """Returns the one exported file that `--weights` name.

    Raises:
        UsageError: they mean something else. MissingError, InputError: as `expanded`.
    """
    if list(weights) == [RELEASED]:
        check_released()
        return model_file("unmask").path
    if not is_exported(weights):
        raise UsageError(
            f"--weights {' '.join(weights)}: --runtime {runtime} takes one .onnx file; make it by unmask export "
            f"--weights {' --weights '.join(weights)} --format onnx --out {EXPORTED}"
        )
    return Path(weights[0])


def is_exported(weights: Sequence[str]) -> bool:
    """Tells whether weights are one exported file."""
    return len(weights) == 1 and Path(weights[0]).suffix == ".onnx"


def has_released() -> bool:
    """Tells whether weights ship with this version."""
    return all(has_model(name) for name in NAMES)


def check_released() -> None:
    """Raises MissingError where none ship."""
    if not has_released():
        raise MissingError(
            "--weights released: this version brings no weights. Train some (unmask train segm, then unmask train gan, "
            "see docs/training.md) and name the runs: --weights data/runs/segm --weights data/runs/gan"
        )


def _released() -> list[Path]:
    check_released()
    return [model_file(name).path for name in NAMES[:2]]
