"""Converts BRISQUE's trained regression from the package `brisque` 0.2.0 to assets/models/brisque.npz.

    pip install brisque==0.2.0 && python tools/build_brisque.py

No code of the package is run: its text file is parsed, and its pickle, which holds two lists, is read as data only.
"""

import hashlib
import io
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import numpy as np

TARGET = Path(__file__).parent.parent / "assets/models/brisque.npz"


class Plain(pickle.Unpickler):
    """Unpickler for lists, dicts and numbers; refuses everything that would run code."""

    def find_class(self, module: str, name: str) -> NoReturn:
        """Refuses any class or function.

        Raises:
            UnpicklingError: always.
        """
        raise pickle.UnpicklingError(f"{module}.{name} is not plain data")


def main() -> None:
    """Converts the files, and prints size and hash for models.toml."""
    spec = find_spec("brisque")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations))) / "models"
    scale = Plain(io.BytesIO((folder / "normalize.pickle").read_bytes())).load()
    header, _, body = (folder / "svm.txt").read_text("ascii").partition("SV\n")
    fields = dict(line.split(maxsplit=1) for line in header.splitlines())
    lines = [line.split() for line in body.splitlines() if line]
    vectors = np.zeros((len(lines), 36), np.float32)
    for row, line in enumerate(lines):
        for cell in line[1:]:
            place, _, value = cell.partition(":")
            vectors[row, int(place) - 1] = float(value)
    np.savez_compressed(
        TARGET,
        low=np.array(scale["min_"], np.float64),
        high=np.array(scale["max_"], np.float64),
        weights=np.array([float(line[0]) for line in lines], np.float64),
        vectors=vectors,
        gamma=float(fields["gamma"]),
        rho=float(fields["rho"]),
    )
    print(TARGET.stat().st_size, hashlib.sha256(TARGET.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
