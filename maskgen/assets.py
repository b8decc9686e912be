"""Paths of the files that ship with unmask, in a checkout and in an installed wheel; hash checks of model files."""

import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from maskgen.errors import InputError, MissingError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = Path(__file__).resolve().parent


@cache
def assets_root() -> Path:
    """Returns the assets folder: `maskgen/_assets` in a wheel, `assets` beside the package in a checkout.

    Raises:
        MissingError: neither folder exists.
    """
    for folder in (PACKAGE / "_assets", PACKAGE.parent / "assets"):
        if folder.is_dir():
            return folder
    raise MissingError(
        f"{PACKAGE}: the assets that ship with unmask are missing. Install it again: "
        "pip install --force-reinstall --no-deps WHEEL_OR_CHECKOUT_OF_UNMASK"
    )


def asset(name: str) -> Path:
    """Returns the path of one shipped file or folder.

    Args:
        name: POSIX path below the assets folder, such as "masks/cloth/template.toml".

    Raises:
        MissingError: it does not exist.
    """
    path = assets_root() / name
    if not path.exists():
        raise MissingError(f"{path}: this file ships with unmask and is missing. Install unmask again")
    return path


@dataclass(frozen=True)
class ModelFile:
    """Model file whose hash was checked. `digest` is its sha256 in hex."""

    path: Path
    digest: str


@cache
def model_file(name: str) -> ModelFile:
    """Returns the path of a model by its name in `models/models.toml`; its hash is checked once per process.

    Raises:
        MissingError: the file does not exist.
        InputError: its hash differs from that of the shipped file.
    """
    entry = shipped_models()[name]
    return check_model(asset(f"models/{entry['file']}"), entry["sha256"])


def has_model(name: str) -> bool:
    """Returns whether a model of this name ships with this version."""
    return name in shipped_models()


def shipped_models() -> dict[str, dict[str, Any]]:
    """Reads `models/models.toml`: by name of the model, its `file`, `sha256`, `bytes`, `licence`, `origin`."""
    return tomllib.loads(asset("models/models.toml").read_text("utf-8"))


def check_model(path: Path, expected: str) -> ModelFile:
    """Checks the hash of a model file before a runtime parses it.

    Args:
        path: the file.
        expected: its sha256 in hex.

    Raises:
        InputError: the hash differs.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != expected:
        raise InputError(
            f"{path}: this model file is damaged or was replaced; its sha256 is {digest}, not {expected}. "
            "Install unmask again, or restore the file from the repository"
        )
    return ModelFile(path, digest)
