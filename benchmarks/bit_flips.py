"""Damage to files of weights: how many flipped bits and cuts are refused when the file is loaded.

    python -m benchmarks.bit_flips [--flips 200] [--cuts 100] [--seed 0]

Flips one bit, or cuts the file, at random places of: weights (.safetensors), a checkpoint (.pt), and exported files
(.onnx, TorchScript), all made from the released networks, and of copies of the released files themselves. Each damaged
file is loaded as the commands load it. Prints JSON: by file, the numbers of damages made, and of those refused in one
line with exit code 4. Exits with 1 if any was not.
"""

import argparse
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from maskgen.assets import model_file
from maskgen.errors import InputError
from unmasknet.export.export import facts_of, write
from unmasknet.export.pipeline import build_pipeline
from unmasknet.export.settings import ExportSettings
from unmasknet.export.torchscript import load_torchscript
from unmasknet.models import checkpoint
from unmasknet.models.digest import UncheckedFile
from unmasknet.models.load import load_trained
from unmasknet.models.released import RELEASED
from unmasknet.models.two_stage import Restorer, load_restorer
from unmasknet.restore.runtimes.onnx_reader import read_exported


@dataclass
class Found:
    """Numbers of damages of one file, and of those that were refused."""

    bytes: int
    flips: int = 0
    flips_refused: int = 0
    cuts: int = 0
    cuts_refused: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether all damages were refused."""
        return (self.flips, self.cuts) == (self.flips_refused, self.cuts_refused)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("flips", 200), ("cuts", 100), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    warnings.simplefilter("ignore", UncheckedFile)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (path, read) in write_files(Path(folder)).items():
            found[name] = measure(path, read, options.flips, options.cuts, options.seed)
    print(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2))
    raise SystemExit(0 if all(one.is_complete for one in found.values()) else 1)


def write_files(folder: Path) -> dict[str, tuple[Path, Callable[[Path], object]]]:
    """Writes a file of each kind from the released networks; returns paths and loaders by name."""
    restorer = load_restorer([RELEASED], torch.device("cpu"))
    assert restorer.generator is not None
    tensors, facts = restorer.generator.net.state_dict(), dict(restorer.generator.facts)
    checkpoint.save_weights(folder / "weights.safetensors", tensors, facts)
    checkpoint.save(folder / "last.pt", _state(tensors, facts))
    for kind, name in (("onnx", "unmask.onnx"), ("torchscript", "unmask.torchscript.pt")):
        (folder / name).write_bytes(_exported(restorer, kind))
    files: dict[str, tuple[Path, Callable[[Path], object]]] = {
        "weights": (folder / "weights.safetensors", load_trained),
        "checkpoint": (folder / "last.pt", checkpoint.load_run),
        "onnx": (folder / "unmask.onnx", read_exported),
        "torchscript": (
            folder / "unmask.torchscript.pt",
            lambda path: load_torchscript(path.read_bytes(), path),
        ),
    }
    for name, read in (("generator", load_trained), ("unmask", read_exported)):
        shipped = model_file(name).path
        copy = folder / f"copy-{shipped.name}"
        copy.write_bytes(shipped.read_bytes())
        files[f"copy of the released {shipped.name}"] = (copy, read)
    return files


def _state(tensors: dict[str, torch.Tensor], facts: dict[str, str]) -> dict[str, Any]:
    return {
        "facts": {"data": "none", **facts},
        "progress": {"step": 1},
        "nets": {"generator": tensors},
        "ema": tensors,
        "optimisers": {},
    }


def _exported(restorer: Restorer, kind: Any) -> bytes:
    settings = ExportSettings(format=kind)
    return write(build_pipeline(restorer, settings.grow), settings, facts_of(restorer, settings.grow))


def measure(path: Path, read: Callable[[Path], object], flips: int, cuts: int, seed: int) -> Found:
    """Damages a file in many ways and loads each copy; the file itself must load."""
    read(path)
    data = path.read_bytes()
    found = Found(len(data))
    rng = np.random.default_rng(seed)
    for damaged in _flipped(data, flips, rng):
        path.write_bytes(damaged)
        found.flips += 1
        found.flips_refused += _is_refused(path, read)
    for length in rng.integers(0, len(data), cuts):
        path.write_bytes(data[:length])
        found.cuts += 1
        found.cuts_refused += _is_refused(path, read)
    return found


def _flipped(data: bytes, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    for place in rng.integers(0, 8 * len(data), count):
        copy = bytearray(data)
        copy[place // 8] ^= 1 << int(place % 8)
        yield bytes(copy)


def _is_refused(path: Path, read: Callable[[Path], object]) -> bool:
    try:
        read(path)
    except InputError as error:
        return "\n" not in str(error)
    return False


if __name__ == "__main__":
    main()
