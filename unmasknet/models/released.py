"""Names of weight files, and the released weights. Does not import torch, so it also works where torch is missing."""

from collections.abc import Sequence
from pathlib import Path

from maskgen.assets import has_model, model_file
from maskgen.errors import MissingError, UsageError

RELEASED = "released"  # value of `--weights` that selects the released weights
WEIGHTS = {"segm": "segmenter.safetensors", "gan": "generator.safetensors"}  # stage -> file in the run folder
EXPORTED = "unmask.onnx"  # both networks in one file
# Sources of the photos of weights from before these recorded them: hash of the data -> names in `dataset.json`.
LEARNT_FROM = {"5fc0d674c4eb9e82": ("lfw", "utkface")}
NAMES = ("segmenter", "generator", "unmask")  # names of the three files in `assets/models/models.toml`


def expanded(weights: Sequence[str]) -> list[Path]:
    """Expands `--weights` to files and folders: `released` becomes the released files.

    Raises:
        MissingError: this version ships no weights.
        InputError: a released file is damaged.
    """
    return [path for name in weights for path in (_released() if name == RELEASED else [Path(name)])]


def exported_file(weights: Sequence[str], runtime: str) -> Path:
    """Returns the exported file named by `--weights`.

    Raises:
        UsageError: `weights` is not one exported file.
        MissingError: this version ships no weights.
        InputError: the released file is damaged.
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
    """Returns whether `weights` is one exported file."""
    return len(weights) == 1 and Path(weights[0]).suffix == ".onnx"


def has_released() -> bool:
    """Returns whether this version ships weights."""
    return all(has_model(name) for name in NAMES)


def check_released() -> None:
    """Raises MissingError if this version ships no weights."""
    if not has_released():
        raise MissingError(
            "--weights released: this version ships no weights. Train some (unmask train segm, then unmask train gan, "
            "see docs/training.md) and name the runs: --weights data/runs/segm --weights data/runs/gan"
        )


def released_file(stage: str) -> Path:
    """Returns the released weights of a stage, "segm" or "gan".

    Raises:
        MissingError: this version ships no weights.
        InputError: the file is damaged.
    """
    return _released()[list(WEIGHTS).index(stage)]


def _released() -> list[Path]:
    check_released()
    return [model_file(name).path for name in NAMES[:2]]
